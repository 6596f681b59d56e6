"""What nginx writes when something goes wrong: JSON alone, and never what somebody searched for."""

import json
from collections.abc import Callable

import httpx2 as httpx
import pytest

from tests.support.stack.stack import LIFTED, LIMITS, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.slow

CANARY = "what-somebody-searched"
Ask = Callable[[], int]


@pytest.fixture
def ask(lifted: Stack) -> Ask:
    """Searches; the status of the answer."""

    def search() -> int:
        url = f"{lifted.base_url}/api/carol/tasks?search={CANARY}"
        headers = {"Referer": url, "Authorization": "Bearer a.b.c"}
        return httpx.get(url, headers=headers, verify=lifted.trust(), timeout=60).status_code

    return search


def check(stack: Stack) -> None:
    """Both streams of nginx, from its start to now."""
    output, errors = stack.logs("nginx")
    assert errors == []
    assert {json.loads(line)["event"] for line in output} == {"edge"}
    assert not any(CANARY in line for line in output)


def test_a_refused_search_is_not_written_down(lifted: Stack, ask: Ask) -> None:
    lifted.limit(LIMITS.replace("rate=20r/s", "rate=1r/m").replace("burst=40 ", ""))
    statuses = {ask() for _ in range(20)}
    lifted.limit(LIFTED)

    assert statuses >= {401, 429}
    check(lifted)


def test_a_search_that_finds_no_api_is_not_written_down(lifted: Stack, ask: Ask) -> None:
    lifted.compose("kill", "api")
    until(lambda: ask() == 502)
    lifted.compose("start", "api")
    until(lambda: ask() == 401)

    check(lifted)


def test_a_search_that_the_api_never_answers_is_not_written_down(lifted: Stack, ask: Ask) -> None:
    lifted.compose("pause", "api")
    status = ask()
    lifted.compose("unpause", "api")

    assert status == 504
    check(lifted)


def test_a_log_without_a_reader_costs_no_request(lifted: Stack, ask: Ask) -> None:
    lifted.compose("stop", "edge")
    statuses = {ask() for _ in range(20)}
    lifted.compose("start", "edge")

    assert statuses == {401}
    check(lifted)
