"""Every method on its way through the edge: reads and writes take two different ones."""

from concurrent.futures import ThreadPoolExecutor

from tests.support.http.raw import Answer
from tests.support.stack.edge import answer, check_problem, check_readable, connected, request
from tests.support.stack.stack import Stack

TASKS = "/api/alice/tasks"
# A read, and a write, which takes another way through nginx: it is never sent twice.
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def sent_to(stack: Stack, head: bytes) -> Answer:
    """The edge's answer to these bytes."""
    with connected(stack) as link:
        return answer(link, head)


def got_to(stack: Stack, method: str) -> Answer:
    """The edge's answer to a whole request of this method."""
    return sent_to(stack, request(method, TASKS, "Content-Length: 2") + b"{}")


def check_all(answers: list[Answer], status: int, code: str) -> None:
    """Every method got this refusal, each in the right shape."""
    assert [(a.status, a.problem.get("code")) for a in answers] == [(status, code)] * len(METHODS)
    for refused in answers:
        check_problem(refused)
        check_readable(refused)


def got_to_all(stack: Stack) -> list[Answer]:
    """The edge's answers to every method, asked at once."""
    with ThreadPoolExecutor(len(METHODS)) as pool:
        return list(pool.map(lambda method: got_to(stack, method), METHODS))
