"""The errors that nginx makes itself: each in the shape of the API's own, with its right status."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.deploy.edge_refusals import HEADERS_READ, HEADERS_UNREAD, TASKS
from tests.support.edge import (
    ORIGIN,
    answer,
    check_problem,
    check_readable,
    connected,
    plain,
    request,
)
from tests.support.raw import Answer
from tests.support.stack import LIFTED, LIMITS, Stack, composed, until

pytestmark = pytest.mark.slow

# A read, and a write, which takes another way through nginx: it is never sent twice.
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with the limits that it has by default, and one allowed origin."""
    with composed(CORS_ORIGINS=ORIGIN) as running:
        yield running


def got(stack: Stack, sent: bytes) -> Answer:
    """The edge's answer to these bytes."""
    with connected(stack) as link:
        return answer(link, sent)


def got_to(stack: Stack, method: str) -> Answer:
    """The edge's answer to a whole request of this method."""
    return got(stack, request(method, TASKS, "Content-Length: 2") + b"{}")


@pytest.mark.parametrize("case", HEADERS_READ)
def test_a_refusal_at_the_edge_is_a_problem_that_pages_may_read(stack: Stack, case: str) -> None:
    sent, status, code = HEADERS_READ[case]
    refused = got(stack, sent)

    assert (refused.status, refused.problem.get("code")) == (status, code)
    check_problem(refused)
    check_readable(refused)


@pytest.mark.parametrize("case", HEADERS_UNREAD)
def test_what_is_not_http_gets_a_problem_too(stack: Stack, case: str) -> None:
    sent, status, code = HEADERS_UNREAD[case]
    refused = got(stack, sent)

    assert (refused.status, refused.problem.get("code")) == (status, code)
    check_problem(refused)


def test_a_refused_method_comes_with_those_that_are_not(stack: Stack) -> None:
    assert got(stack, request("TRACE", TASKS)).headers["allow"]


def test_plain_http_on_the_tls_port_gets_a_problem(stack: Stack) -> None:
    with plain(stack.https_port) as link:
        refused = answer(link, request("GET", "/livez"))

    assert (refused.status, refused.problem["code"]) == (400, "invalid_request")
    check_problem(refused)
    check_readable(refused)


def test_another_origin_is_told_nothing(stack: Stack) -> None:
    refused = got(stack, request("GET", "/metrics").replace(ORIGIN.encode(), b"https://x.example"))

    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-credentials" not in refused.headers
    assert "Origin" in refused.headers["vary"]


def test_an_error_of_the_api_passes_unchanged(stack: Stack) -> None:
    refused = got_to(stack, "POST")

    assert (refused.status, refused.problem["code"]) == (401, "token_missing")
    check_problem(refused)
    check_readable(refused)


def ask_until_refused(stack: Stack, *lines: str) -> tuple[list[int], Answer]:
    """Ask again and again; what came first, and the refusal."""
    statuses: list[int] = []
    while len(statuses) < 2000:
        refused = got(stack, request("POST", TASKS, *lines, "Content-Length: 0"))
        if refused.status == 429:
            break
        statuses.append(refused.status)
    return statuses, refused


def test_who_asks_too_often_is_told_so(stack: Stack) -> None:
    served, by_token = ask_until_refused(stack, "Authorization: Bearer a.b.c")
    _, by_address = ask_until_refused(stack)

    assert len(served) >= 40
    assert {*served} == {401}
    for refused in (by_token, by_address):
        assert (refused.status, refused.problem.get("code")) == (429, "rate_limited")
        check_problem(refused)
        check_readable(refused)
    log = "".join(stack.logs("nginx")[1])
    assert all(f'by zone "{zone}"' in log for zone in ("token", "address"))


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


@pytest.mark.parametrize("limit", ["connections 50", "everybody 2000"])
def test_who_comes_when_it_is_full_is_told_so(stack: Stack, limit: str) -> None:
    assert f"limit_conn {limit};" in LIMITS
    stack.limit(LIMITS.replace(limit, f"{limit.split(maxsplit=1)[0]} 1"))
    with connected(stack) as held:
        held.sendall(request("POST", TASKS, "Content-Length: 9"))
        until(lambda: stack.status() == 503)
        answers = got_to_all(stack)
    stack.limit(LIFTED)

    check_all(answers, 503, "overloaded")


@pytest.fixture
def silent(stack: Stack) -> Iterator[Stack]:
    """The stack while the API hangs."""
    stack.limit(LIFTED)
    stack.compose("pause", "api")
    yield stack
    stack.compose("unpause", "api")
    until(lambda: stack.status() == 200)


@pytest.fixture
def alone(stack: Stack) -> Iterator[Stack]:
    """The edge after the API's container was killed; the edge finds it again by itself."""
    stack.limit(LIFTED)
    stack.compose("kill", "api")
    until(lambda: stack.status() == 502)
    yield stack
    stack.compose("start", "api")
    until(lambda: stack.status() == 200)


def test_an_api_that_hangs_is_an_unknown_outcome(silent: Stack) -> None:
    check_all(got_to_all(silent), 504, "outcome_unknown")


def test_an_api_that_is_not_there_is_a_bad_gateway(alone: Stack) -> None:
    check_all(got_to_all(alone), 502, "bad_gateway")
