"""Rate limits and connection limits of nginx; probes are exempt."""

import re
from collections.abc import Iterator

import pytest

from tests.deploy.edge_client import check_problem, check_readable, connected, request
from tests.deploy.edge_methods import TASKS, check_all, send_all_methods, send_head
from tests.deploy.edge_refusals import BATCH
from tests.support.http.raw_http import RawResponse
from tests.support.stack.compose_stack import LIMITS, NO_LIMITS, Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PROBES = ("/livez", "/healthz", "/readyz", "/startupz")
TIGHT = LIMITS.replace("rate=50r/s", "rate=1r/m").replace("burst=100 ", "")


@pytest.fixture
def limited(lifted: Stack) -> Iterator[Stack]:
    """The stack with its default limits."""
    lifted.set_limits(LIMITS)
    yield lifted
    lifted.set_limits(NO_LIMITS)


def send_until_limited(
    stack: Stack, *lines: str, path: str = TASKS
) -> tuple[list[int], RawResponse]:
    """Send until a request is limited; the statuses before it, and its answer."""
    statuses: list[int] = []
    while len(statuses) < 2000:
        refused = send_head(stack, request("POST", path, *lines, "Content-Length: 0"))
        if refused.status == 429:
            break
        statuses.append(refused.status)
    return statuses, refused


def test_exceeding_a_rate_limit_is_429(limited: Stack) -> None:
    # A slow machine must exceed them too.
    limited.set_limits(re.sub(r"rate=\d+r/s", "rate=1r/s", LIMITS))
    served, by_token = send_until_limited(limited, "Authorization: Bearer a.b.c")
    _, by_address = send_until_limited(limited)

    assert len(served) >= 40
    assert {*served} == {401}
    for refused in (by_token, by_address):
        assert (refused.status, refused.problem.get("code")) == (429, "rate_limited")
        check_problem(refused)
        check_readable(refused)
        limited.wait_for_entry("nginx", refused.problem["request_id"])
        [logged] = limited.entries("nginx", refused.problem["request_id"])
        assert (logged["status"], logged["limited"]) == ("429", "REJECTED")


def test_batches_are_limited_before_other_requests_of_a_token(limited: Stack) -> None:
    assert "zone=batches_of_token:10m rate=2r/s" in LIMITS
    limited.set_limits(LIMITS.replace("rate=2r/s", "rate=1r/m"))
    header = "Authorization: Bearer a.b.batches"
    served, _ = send_until_limited(limited, header, path=f"{TASKS}/batch")
    other = send_head(limited, request("GET", TASKS, header)).status

    assert served == [401] * 11
    assert other == 401


def test_a_token_has_one_budget_however_its_header_is_spelled(limited: Stack) -> None:
    token, other = f"a.b.{'c' * 60}", f"a.b.{'d' * 60}"
    limited.set_limits(LIMITS.replace("rate=20r/s", "rate=1r/m").replace("burst=40 ", ""))
    statuses = [
        send_head(limited, request("GET", TASKS, f"Authorization: {scheme}{token}")).status
        for scheme in ("Bearer ", "bearer ", "BEARER  ", "beaRER \t", "\tBearer ")
    ]
    another = send_head(limited, request("GET", TASKS, f"Authorization: Bearer {other}")).status

    assert statuses == [401, 429, 429, 429, 429]
    assert another == 401


@pytest.mark.parametrize("limit", ["connections 50", "total 2000"])
def test_exceeding_a_connection_limit_is_503(limited: Stack, limit: str) -> None:
    assert f"limit_conn {limit};" in LIMITS
    limited.set_limits(LIMITS.replace(limit, f"{limit.split(maxsplit=1)[0]} 1"))
    with connected(limited) as held:
        held.sendall(request("POST", TASKS, "Content-Length: 9"))
        wait_until(lambda: limited.status("/nothing") == 503)
        answers = send_all_methods(limited)
        probes = {limited.status(path) for path in PROBES}

    check_all(answers, 503, "overloaded")
    assert probes == {200}


@pytest.mark.parametrize("limit", ["batches_of_address 8", "batches 32"])
def test_exceeding_a_limit_of_batches_is_503_for_batches_alone(limited: Stack, limit: str) -> None:
    assert f"limit_conn {limit};" in LIMITS
    limited.set_limits(LIMITS.replace(limit, f"{limit.split(maxsplit=1)[0]} 1"))
    empty = "Content-Length: 0"
    with connected(limited) as held:
        held.sendall(request("POST", BATCH, "Content-Length: 9"))
        wait_until(lambda: send_head(limited, request("POST", BATCH, empty)).status == 503)
        other = send_head(limited, request("POST", TASKS, empty))

    assert other.status == 401


def test_probes_are_not_rate_limited(limited: Stack) -> None:
    limited.set_limits(TIGHT)
    asked = {limited.status("/nothing") for _ in range(9)}

    assert 429 in asked
    assert {limited.status(path) for path in PROBES * 9} == {200}
