"""How a problem becomes the answer of the current request."""

from starlette.responses import Response

from api.problems.problem import Problem
from api.telemetry import request_context


def respond(problem: Problem) -> Response:
    """Record the problem for the log line and the metrics, and return its response."""
    current = request_context.current()
    current.code, current.reason = problem.code, problem.reason
    return problem.response(current.request_id)
