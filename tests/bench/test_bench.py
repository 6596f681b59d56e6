"""What `make bench` compares is comparable, and what its README.md shows is what it wrote."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bench import comparison, concurrency, report, scaling, workload
from tests.bench.comparison import round_trips, send
from tests.bench.measure import Figure, ratio
from tests.bench.servers import NAMES, PEERS, PRODUCT, ROOT, Server, started
from tests.bench.workload import Cycles
from tests.bench.wrk import Load, load
from tests.support.command import finished
from tests.support.database.query_plans import cursor_on, populated
from tests.support.required_tools import require_tool

README = ROOT / "tests" / "bench" / "README.md"
TIMES = {"created_at", "updated_at", "completed_at"}
MADE = {"id", "created_at", "updated_at", "completed_at", "completed"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A small database."""
    require_tool("wrk")
    with populated(100, 1000) as url:
        yield url


@pytest.fixture(scope="module")
def cycles(url: str) -> Cycles:
    """The requests that are measured."""
    with cursor_on(url) as cursor:
        return workload.six_operations(cursor)


@pytest.fixture(scope="module")
def servers(url: str) -> Iterator[dict[str, Server]]:
    """The product and its peers."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(started(name, url)) for name in NAMES}


def normal(task: dict[str, Any]) -> dict[str, Any]:
    """The same instants are equal, however they are written."""
    return {
        name: datetime.fromisoformat(value) if name in TIMES and value else value
        for name, value in task.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_peer_returns_the_same_responses_as_the_product(
    peer: str, servers: dict[str, Server], cycles: Cycles
) -> None:
    for operation, requests in cycles.items():
        (status, ours), (expected, theirs) = (
            send(servers[name].url, requests[0]) for name in (PRODUCT, peer)
        )
        assert status == expected
        if operation in {workload.LIST, workload.LONG_LIST}:
            assert [*map(normal, json.loads(ours))] == [*map(normal, json.loads(theirs))]
        elif operation != workload.BAD_TOKEN:
            one, other = normal(json.loads(ours)), normal(json.loads(theirs))
            assert one.keys() == other.keys()
            same = one.keys() - (set() if operation == workload.ONE else MADE)
            assert {name: one[name] for name in same} == {name: other[name] for name in same}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_invalid_token_gets_401_from_each_server(
    name: str, servers: dict[str, Server], cycles: Cycles
) -> None:
    bad = cycles[workload.BAD_TOKEN]
    run = load(servers[name].url, bad, connections=2, seconds=1, by_status=True)

    assert run.statuses == {"401": run.requests}
    assert run.failed == run.requests


@pytest.mark.slow
def test_servers_run_outside_the_repository(servers: dict[str, Server]) -> None:
    for server in servers.values():
        for process in server.processes():
            assert Path(f"/proc/{process}/cwd").resolve() != ROOT


@pytest.mark.slow
def test_round_trips_are_counted_in_both_protocols(url: str, cycles: Cycles) -> None:
    few = {name: cycles[name] for name in (workload.LIST, workload.TOGGLE, workload.BAD_TOKEN)}

    assert list(round_trips(PRODUCT, url, few).values()) == [1, 1, 0]
    # asyncpg resets a connection that comes back to its pool.
    assert list(round_trips("litestar", url, few).values()) == [2, 2, 0]
    assert min(list(round_trips("plan", url, few).values())[:2]) >= 3


@pytest.mark.slow
@pytest.mark.usefixtures("url")
def test_every_part_of_the_benchmark_is_reported() -> None:
    entries = [
        *comparison.measured(100, 1000, runs=1, seconds=1),
        *scaling.measured(scaling.SIZES[:1], runs=1, seconds=1),
        *concurrency.measured({1: 1, 1000: 4}, 100),
    ]

    assert len(entries) == 6 * len(NAMES) + 2 + 6
    for entry in entries:
        assert entry["cpu_us"] > 0
        assert 0 < entry["p50_ms"] <= entry["p99_ms"]
    text = report.tables(entries)
    assert text.count("reached |") + text.count("missed |") == 4 + 2 + 2 + 6 + 1 + 2 + 2


def test_failed_requests_abort_the_benchmark() -> None:
    figure = Figure(workload.LIST, PRODUCT)
    figure.loads.append(Load(100, 1.0, 1.0, 2.0, failed=1, socket_errors=0, statuses={}))

    with pytest.raises(SystemExit, match="failed at list of 20"):
        figure.check()


def test_unexpected_status_aborts_the_benchmark() -> None:
    figure = Figure(workload.BAD_TOKEN, PRODUCT)
    figure.loads.append(Load(100, 1.0, 1.0, 2.0, failed=100, socket_errors=0, statuses={"503": 1}))

    with pytest.raises(SystemExit, match="failed at 401"):
        figure.check()


def test_missing_wrk_is_reported_in_one_sentence() -> None:
    with finished(sys.executable, "-m", "tests.bench", settings={"PATH": "/nowhere"}) as command:
        assert command.process.returncode == 1
        assert [line[:15] for line in command.error_lines()] == ["wrk is missing:"]


def test_ratio_compares_runs_of_the_same_round() -> None:
    assert ratio([2.0, 6.0, 12.0], [1.0, 2.0, 3.0]) == [3.0, 2.0, 4.0]


def test_readme_shows_the_committed_results() -> None:
    assert report.tables(json.loads(report.RESULTS.read_text())) in README.read_text()
