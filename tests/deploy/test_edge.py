"""The errors that nginx makes itself: each in the shape of the API's own, with its right status."""

from collections.abc import Iterator

import pytest

from tests.deploy.edge_refusals import HEADERS_READ, HEADERS_UNREAD, TASKS
from tests.support.stack.edge import ORIGIN, answer, check_problem, check_readable, plain, request
from tests.support.stack.edge_methods import check_all, got_to, got_to_all, sent_to
from tests.support.stack.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ANOTHER_ORIGIN = request("GET", "/metrics").replace(ORIGIN.encode(), b"https://x.example")


@pytest.mark.parametrize("case", HEADERS_READ)
def test_a_refusal_at_the_edge_is_a_problem_that_pages_may_read(lifted: Stack, case: str) -> None:
    sent, status, code = HEADERS_READ[case]
    refused = sent_to(lifted, sent)

    assert (refused.status, refused.problem.get("code")) == (status, code)
    check_problem(refused)
    check_readable(refused)


@pytest.mark.parametrize("case", HEADERS_UNREAD)
def test_what_is_not_http_gets_a_problem_too(lifted: Stack, case: str) -> None:
    sent, status, code = HEADERS_UNREAD[case]
    refused = sent_to(lifted, sent)

    assert (refused.status, refused.problem.get("code")) == (status, code)
    check_problem(refused)


def test_a_refused_method_comes_with_those_that_are_not(lifted: Stack) -> None:
    assert sent_to(lifted, request("TRACE", TASKS)).headers["allow"]


def test_plain_http_on_the_tls_port_gets_a_problem(lifted: Stack) -> None:
    with plain(lifted.https_port) as link:
        refused = answer(link, request("GET", "/livez"))

    assert (refused.status, refused.problem["code"]) == (400, "invalid_request")
    check_problem(refused)
    check_readable(refused)


def test_another_origin_is_told_nothing(lifted: Stack) -> None:
    refused = sent_to(lifted, ANOTHER_ORIGIN)

    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-credentials" not in refused.headers
    assert "Origin" in refused.headers["vary"]


def test_an_error_of_the_api_passes_unchanged(lifted: Stack) -> None:
    refused = got_to(lifted, "POST")

    assert (refused.status, refused.problem["code"]) == (401, "token_missing")
    check_problem(refused)
    check_readable(refused)


@pytest.fixture
def silent(lifted: Stack) -> Iterator[Stack]:
    """The stack while the API hangs."""
    lifted.compose("pause", "api")
    yield lifted
    lifted.compose("unpause", "api")
    until(lambda: lifted.status() == 200)


@pytest.fixture
def alone(lifted: Stack) -> Iterator[Stack]:
    """The edge after the API's container was killed; the edge finds it again by itself."""
    lifted.compose("kill", "api")
    until(lambda: lifted.status() == 502)
    yield lifted
    lifted.compose("start", "api")
    until(lambda: lifted.status() == 200)


def test_an_api_that_hangs_is_an_unknown_outcome(silent: Stack) -> None:
    check_all(got_to_all(silent), 504, "outcome_unknown")


def test_an_api_that_is_not_there_is_a_bad_gateway(alone: Stack) -> None:
    check_all(got_to_all(alone), 502, "bad_gateway")
