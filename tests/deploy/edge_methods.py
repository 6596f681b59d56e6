"""Requests of every method to nginx, which has one location for reads and one for writes."""

from concurrent.futures import ThreadPoolExecutor

from tests.deploy.edge_client import answer, check_problem, check_readable, connected, request
from tests.support.http.raw_http import RawResponse
from tests.support.stack.compose_stack import Stack

TASKS = "/api/alice/tasks"
# GET takes nginx's location for reads, the others the one for writes, without retries.
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def send_head(stack: Stack, head: bytes) -> RawResponse:
    """The answer of nginx to these bytes."""
    with connected(stack) as link:
        return answer(link, head)


def send_method(stack: Stack, method: str) -> RawResponse:
    """The answer of nginx to a complete request of this method."""
    return send_head(stack, request(method, TASKS, "Content-Length: 2") + b"{}")


def check_all(answers: list[RawResponse], status: int, code: str) -> None:
    """Check that every method got this error in the right format."""
    assert [(a.status, a.problem.get("code")) for a in answers] == [(status, code)] * len(METHODS)
    for refused in answers:
        check_problem(refused)
        check_readable(refused)


def send_all_methods(stack: Stack) -> list[RawResponse]:
    """The answer of nginxs to all methods, sent concurrently."""
    with ThreadPoolExecutor(len(METHODS)) as pool:
        return list(pool.map(lambda method: send_method(stack, method), METHODS))
