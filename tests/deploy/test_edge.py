"""Errors that nginx answers itself: status, code and format equal those of the API."""

from collections.abc import Iterator

import pytest

from tests.deploy.edge_client import ORIGIN, answer, check_problem, check_readable, plain, request
from tests.deploy.edge_methods import check_all, send_all_methods, send_head, send_method
from tests.deploy.edge_refusals import AFTER_HEADERS, BATCH, BEFORE_HEADERS, TASKS
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

ANOTHER_ORIGIN = request("GET", "/metrics").replace(ORIGIN.encode(), b"https://x.example")


@pytest.mark.parametrize("case", AFTER_HEADERS)
def test_an_error_of_nginx_is_a_problem_document_with_cors_headers(
    lifted: Stack, case: str
) -> None:
    sent, status, code = AFTER_HEADERS[case]
    refused = send_head(lifted, sent)

    assert (refused.status, refused.problem.get("code")) == (status, code)
    check_problem(refused)
    check_readable(refused)


@pytest.mark.parametrize("case", BEFORE_HEADERS)
def test_malformed_http_gets_a_problem_document(lifted: Stack, case: str) -> None:
    sent, status, code = BEFORE_HEADERS[case]
    refused = send_head(lifted, sent)

    assert (refused.status, refused.problem.get("code")) == (status, code)
    check_problem(refused)


def test_a_405_of_nginx_has_an_allow_header(lifted: Stack) -> None:
    assert send_head(lifted, request("TRACE", TASKS)).headers["allow"]


def test_plain_http_on_the_tls_port_gets_a_problem_document(lifted: Stack) -> None:
    with plain(lifted.https_port) as link:
        refused = answer(link, request("GET", "/livez"))

    assert (refused.status, refused.problem["code"]) == (400, "invalid_request")
    check_problem(refused)
    check_readable(refused)


def test_another_origin_gets_no_cors_headers(lifted: Stack) -> None:
    refused = send_head(lifted, ANOTHER_ORIGIN)

    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-credentials" not in refused.headers
    assert "Origin" in refused.headers["vary"]


@pytest.mark.parametrize(("target", "status"), [(BATCH, 401), (TASKS, 413)])
def test_only_a_batch_may_be_larger_than_64_kib(lifted: Stack, target: str, status: int) -> None:
    head = request("POST", target, f"Content-Length: {2**20}", "Content-Type: application/json")

    assert send_head(lifted, head + b" " * 2**20).status == status


def test_an_error_of_the_api_passes_nginx_unchanged(lifted: Stack) -> None:
    refused = send_method(lifted, "POST")

    assert (refused.status, refused.problem["code"]) == (401, "token_missing")
    check_problem(refused)
    check_readable(refused)


@pytest.fixture
def silent(lifted: Stack) -> Iterator[Stack]:
    """The stack while the API is paused."""
    lifted.compose("pause", "api")
    yield lifted
    lifted.compose("unpause", "api")
    wait_until(lambda: lifted.status() == 200)


@pytest.fixture
def alone(lifted: Stack) -> Iterator[Stack]:
    """The stack after the API's container was killed."""
    lifted.compose("kill", "api")
    wait_until(lambda: lifted.status() == 502)
    yield lifted
    lifted.compose("start", "api")
    wait_until(lambda: lifted.status() == 200)


def test_a_hanging_api_is_504_outcome_unknown(silent: Stack) -> None:
    check_all(send_all_methods(silent), 504, "outcome_unknown")


def test_a_stopped_api_is_502_bad_gateway(alone: Stack) -> None:
    check_all(send_all_methods(alone), 502, "bad_gateway")
