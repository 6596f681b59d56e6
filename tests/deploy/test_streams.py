"""The output during failures: JSON only, and no search words."""

import json
from collections.abc import Callable

import httpx2 as httpx
import pytest

from tests.support.stack.compose_stack import LIMITS, NO_LIMITS, Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CANARY = "canary-search-word"
Ask = Callable[[], int]


@pytest.fixture
def ask(lifted: Stack) -> Ask:
    """Send a search; the status of its answer."""

    def search() -> int:
        url = f"{lifted.base_url}/api/carol/tasks?search={CANARY}"
        headers = {"Referer": url, "Authorization": "Bearer a.b.c"}
        return httpx.get(url, headers=headers, verify=lifted.trust(), timeout=60).status_code

    return search


def check(stack: Stack) -> None:
    """Check both output streams of nginx since its start."""
    output, errors = stack.logs("nginx")
    assert errors == []
    assert {json.loads(line)["event"] for line in output} == {"edge"}
    assert not any(CANARY in line for line in output)


def test_a_rate_limited_search_is_not_logged(lifted: Stack, ask: Ask) -> None:
    lifted.set_limits(LIMITS.replace("rate=20r/s", "rate=1r/m").replace("burst=40 ", ""))
    statuses = {ask() for _ in range(20)}
    lifted.set_limits(NO_LIMITS)

    assert statuses >= {401, 429}
    check(lifted)


def test_a_search_without_an_api_is_not_logged(lifted: Stack, ask: Ask) -> None:
    lifted.compose("kill", "api")
    wait_until(lambda: ask() == 502)
    lifted.compose("start", "api")
    wait_until(lambda: ask() == 401)

    check(lifted)


def test_a_search_that_times_out_is_not_logged(lifted: Stack, ask: Ask) -> None:
    lifted.compose("pause", "api")
    status = ask()
    lifted.compose("unpause", "api")

    assert status == 504
    check(lifted)


def test_requests_succeed_while_the_edge_exporter_is_stopped(lifted: Stack, ask: Ask) -> None:
    lifted.compose("stop", "edge")
    statuses = {ask() for _ in range(20)}
    lifted.compose("start", "edge")

    assert statuses == {401}
    check(lifted)
