"""The targets of `make bench` are comparable, and its tables show what was measured."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bench import comparison, concurrency, report, scaling, sync_workload, workload
from tests.bench.comparison import of_target, round_trips, send
from tests.bench.measure import Figure, ratio
from tests.bench.operation import Workload
from tests.bench.servers import NAMES, PEERS, PRODUCT, ROOT, Server, started
from tests.bench.sync_workload import RESTORERS
from tests.bench.tokens import Tokens, issuing
from tests.bench.workload import EDDSA
from tests.bench.wrk import Load, Request, load
from tests.support.command import finished
from tests.support.database.query_plans import cursor_on, populated
from tests.support.required_tools import require_tool

TIMES = {"created_at", "updated_at", "completed_at"}
MADE = {"id", "created_at", "updated_at", "completed_at", "completed"}
LISTS = {workload.LIST, workload.LONG_LIST, EDDSA[workload.LIST]}
READS = {workload.ONE, EDDSA[workload.ONE]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A small database."""
    require_tool("wrk")
    with populated(100, 1000) as url:
        yield url


@pytest.fixture(scope="module")
def tokens() -> Iterator[Tokens]:
    """Tokens that every server accepts."""
    with issuing() as made:
        yield made


@pytest.fixture(scope="module")
def operations(url: str, tokens: Tokens) -> Workload:
    """The operations that are measured."""
    with cursor_on(url) as cursor:
        return workload.operations(cursor, tokens)


@pytest.fixture(scope="module")
def servers(url: str, tokens: Tokens) -> Iterator[dict[str, Server]]:
    """The product and its peers."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(started(name, url, tokens)) for name in NAMES}


def normal(task: dict[str, Any]) -> dict[str, Any]:
    """Times as instants, since servers format them differently."""
    return {
        name: datetime.fromisoformat(value) if name in TIMES and value else value
        for name, value in task.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_peer_returns_the_same_responses_as_the_product(
    peer: str, servers: dict[str, Server], operations: Workload
) -> None:
    for name, operation in of_target(peer, operations).items():
        request = operation.cycle().requests[0]
        (status, ours), (expected, theirs) = (
            send(servers[target].url, request) for target in (PRODUCT, peer)
        )
        assert status == expected
        if name in LISTS:
            assert [*map(normal, json.loads(ours))] == [*map(normal, json.loads(theirs))]
        elif name != workload.BAD_TOKEN:
            one, other = normal(json.loads(ours)), normal(json.loads(theirs))
            assert one.keys() == other.keys()
            same = one.keys() - (set() if name in READS else MADE)
            assert {each: one[each] for each in same} == {each: other[each] for each in same}


@pytest.mark.slow
def test_operation_for_synchronisation_returns_what_its_name_says(
    servers: dict[str, Server], operations: Workload
) -> None:
    def responses(name: str, *turns: int) -> list[tuple[int, Any]]:
        requests = operations[name].cycle().requests
        sent = [send(servers[PRODUCT].url, requests[turn]) for turn in turns]
        return [(status, json.loads(body or "null")) for status, body in sent]

    (status, feed), *_ = responses(sync_workload.NO_CHANGES, 0)
    assert (status, feed["changes"], feed["more"]) == (200, [], False)
    for name in (sync_workload.SAME_LIST, sync_workload.SAME_CHANGES):
        assert responses(name, 0, -1) == [(304, None)] * 2
    (status, batch), *_ = responses(sync_workload.BATCH, 0)
    assert (status, len(batch["tasks"])) == (200, 100)
    (_, deleted), (status, restored) = responses(sync_workload.RESTORE, 1, 1 + len(RESTORERS))
    assert (status, restored["id"]) == (200, deleted["id"])


@pytest.mark.slow
def test_delete_and_restore_goes_on_wherever_the_last_run_ended(
    servers: dict[str, Server], operations: Workload
) -> None:
    restore = operations[sync_workload.RESTORE]
    for _ in range(2):
        interrupted = restore.cycle().requests[1 : len(RESTORERS) // 2]
        assert {send(servers[PRODUCT].url, request)[0] for request in interrupted} == {200}
    run = load(servers[PRODUCT].url, restore.cycle(), connections=16, seconds=1, by_status=True)

    assert run.requests > 2 * len(RESTORERS)
    assert run.statuses == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_invalid_token_gets_401_from_each_server(
    name: str, servers: dict[str, Server], operations: Workload
) -> None:
    bad = operations[workload.BAD_TOKEN].cycle()
    run = load(servers[name].url, bad, connections=2, seconds=1, by_status=True)

    assert run.statuses == {"401": run.requests}
    assert run.failed == run.requests


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(workload.BOTH_ALGORITHMS))
def test_forged_eddsa_token_gets_401_from_each_server(
    name: str, servers: dict[str, Server], operations: Workload
) -> None:
    with issuing() as others:
        forged = others.eddsa(workload.READERS[0])
    for bad in (forged, ".".join([*forged.split(".")[:2], ""])):
        request = Request("GET", f"/api/{workload.READERS[0]}/tasks", bad)
        assert send(servers[name].url, request)[0] == 401


@pytest.mark.slow
def test_servers_run_outside_the_repository(servers: dict[str, Server]) -> None:
    for server in servers.values():
        for process in server.processes():
            assert Path(f"/proc/{process}/cwd").resolve() != ROOT


@pytest.mark.slow
def test_cpu_of_api_and_database_is_measured_apart(
    servers: dict[str, Server], operations: Workload
) -> None:
    refused, listed = (
        Figure(name, PRODUCT, operations[name].status)
        for name in (workload.BAD_TOKEN, workload.LONG_LIST)
    )
    for figure in (refused, listed):
        figure.run(servers[PRODUCT], operations[figure.operation], connections=2, seconds=1)

    assert min(*refused.cpu_us, *listed.cpu_us, *listed.log_bytes) > 0
    assert refused.database_cpu_us[0] * 10 < listed.database_cpu_us[0]


@pytest.mark.slow
def test_round_trips_are_counted_in_both_protocols(
    url: str, tokens: Tokens, operations: Workload
) -> None:
    names = (workload.LIST, workload.TOGGLE, workload.BAD_TOKEN)
    few = {name: operations[name] for name in names}

    own = round_trips(PRODUCT, url, tokens, operations)
    assert own == dict.fromkeys(operations, 1) | {workload.BAD_TOKEN: 0}
    # asyncpg resets a connection that comes back to its pool.
    assert list(round_trips("litestar", url, tokens, few).values()) == [2, 2, 0]
    assert min(list(round_trips("plan", url, tokens, few).values())[:2]) >= 3


@pytest.mark.slow
@pytest.mark.usefixtures("url")
def test_every_part_of_the_benchmark_is_reported() -> None:
    entries = [
        *comparison.measured(100, 1000, runs=1, seconds=1),
        *scaling.measured(scaling.SIZES[:1], runs=1, seconds=1),
        *concurrency.measured({1: 1, 1000: 4}, 100),
    ]

    assert len(entries) == 6 * len(NAMES) + 2 * len(workload.BOTH_ALGORITHMS) + 5 + 4 + 6
    for entry in entries:
        assert entry["cpu_us"] > 0
        assert entry["database_cpu_us"] >= 0
        assert 0 < entry["p50_ms"] <= entry["p99_ms"]
    text = report.tables(entries)
    assert text.count("reached |") + text.count("missed |") == 4 + 5 + 4 + 13 + 2 + 1 + 4 + 2


def test_failed_requests_abort_the_benchmark() -> None:
    figure = Figure(workload.LIST, PRODUCT)
    figure.loads.append(Load(100, 1.0, 1.0, 2.0, failed=1, socket_errors=0, statuses={}))

    with pytest.raises(SystemExit, match="failed at list of 20"):
        figure.check()


def test_unexpected_status_aborts_the_benchmark() -> None:
    figure = Figure(workload.BAD_TOKEN, PRODUCT, "401")
    figure.loads.append(Load(100, 1.0, 1.0, 2.0, failed=100, socket_errors=0, statuses={"503": 1}))

    with pytest.raises(SystemExit, match="failed at 401"):
        figure.check()


def test_missing_wrk_is_reported_in_one_sentence() -> None:
    settings = {"PATH": "/nowhere"}  # nor is there docker
    with finished(sys.executable, "-m", "tests.bench", settings=settings) as command:
        assert command.process.returncode == 1
        assert [line[:15] for line in command.error_lines()] == ["wrk is missing:"]


def test_ratio_compares_runs_of_the_same_round() -> None:
    assert ratio([2.0, 6.0, 12.0], [1.0, 2.0, 3.0]) == [3.0, 2.0, 4.0]
