"""Exception handlers: every exception becomes a problem document (RFC 9457)."""

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from api.problems.catalogue import Invalid, InvalidRequest, MethodNotAllowed, NotFound
from api.problems.problem import Problem
from api.web import validation_errors
from api.web.problem_response import respond

METHOD_NOT_ALLOWED = 405


async def problem(_request: Request, error: Exception) -> Response:
    """The response of a ``Problem``."""
    return respond(error if isinstance(error, Problem) else Problem())


async def invalid(request: Request, error: Exception) -> Response:
    """422 with one entry per mistake; entries repeat neither values nor unknown names."""
    assert isinstance(error, RequestValidationError)
    body = request.scope["route"].body_field
    model = body.field_info.annotation if body else None
    return respond(Invalid(validation_errors.entries(error.errors(), model)))


async def http(request: Request, error: Exception) -> Response:
    """404 for an unknown path, 405 with ``Allow`` for a known path, 204 for OPTIONS."""
    assert isinstance(error, HTTPException)
    if error.status_code != METHOD_NOT_ALLOWED:
        return respond(NotFound() if error.status_code == 404 else InvalidRequest())  # noqa: PLR2004
    allow = ", ".join(sorted(_methods(request)))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow})
    return respond(MethodNotAllowed(allow))


def _methods(request: Request) -> set[str]:
    """The methods of all routes with this path, not only of the first that matches."""
    matching = [r for r in request.app.routes if r.matches(request.scope)[0] is not Match.NONE]
    methods: set[str] = set().union(*(route.methods for route in matching))
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
