"""What the edge refuses because it is too much, and that no probe is ever too much."""

from collections.abc import Iterator

import pytest

from tests.support.http.raw import Answer
from tests.support.stack.edge import check_problem, check_readable, connected, request
from tests.support.stack.edge_methods import TASKS, check_all, got_to_all, sent_to
from tests.support.stack.stack import LIFTED, LIMITS, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.slow

PROBES = ("/livez", "/healthz", "/readyz", "/startupz")
TIGHT = LIMITS.replace("rate=50r/s", "rate=1r/m").replace("burst=100 ", "")


@pytest.fixture
def limited(lifted: Stack) -> Iterator[Stack]:
    """The stack with the limits that it has by default."""
    lifted.limit(LIMITS)
    yield lifted
    lifted.limit(LIFTED)


def ask_until_refused(stack: Stack, *lines: str) -> tuple[list[int], Answer]:
    """Ask again and again; what came first, and the refusal."""
    statuses: list[int] = []
    while len(statuses) < 2000:
        refused = sent_to(stack, request("POST", TASKS, *lines, "Content-Length: 0"))
        if refused.status == 429:
            break
        statuses.append(refused.status)
    return statuses, refused


def test_who_asks_too_often_is_told_so(limited: Stack) -> None:
    served, by_token = ask_until_refused(limited, "Authorization: Bearer a.b.c")
    _, by_address = ask_until_refused(limited)

    assert len(served) >= 40
    assert {*served} == {401}
    for refused in (by_token, by_address):
        assert (refused.status, refused.problem.get("code")) == (429, "rate_limited")
        check_problem(refused)
        check_readable(refused)
        [logged] = limited.entries("nginx", refused.problem["request_id"])
        assert (logged["status"], logged["limited"]) == ("429", "REJECTED")


@pytest.mark.parametrize("limit", ["connections 50", "everybody 2000"])
def test_who_comes_when_it_is_full_is_told_so(limited: Stack, limit: str) -> None:
    assert f"limit_conn {limit};" in LIMITS
    limited.limit(LIMITS.replace(limit, f"{limit.split(maxsplit=1)[0]} 1"))
    with connected(limited) as held:
        held.sendall(request("POST", TASKS, "Content-Length: 9"))
        until(lambda: limited.status("/nothing") == 503)
        answers = got_to_all(limited)
        probes = {limited.status(path) for path in PROBES}

    check_all(answers, 503, "overloaded")
    assert probes == {200}


def test_probes_are_never_too_many(limited: Stack) -> None:
    limited.limit(TIGHT)
    asked = {limited.status("/nothing") for _ in range(9)}

    assert 429 in asked
    assert {limited.status(path) for path in PROBES * 9} == {200}
