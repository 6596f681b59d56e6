"""What was acknowledged is there, once, and nobody else's, whatever fails (a set checker)."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.api.resilience.test_cuts import TERMINATE
from tests.support.command import free_port
from tests.support.faults import locked
from tests.support.gate import Gate, gate, never
from tests.support.gunicorn import Gunicorn, gunicorn
from tests.support.ledger import Writer, broken
from tests.support.pool import ask
from tests.support.postgres import CRASH, Postgres, postgres

WRITES, WRITERS = 20_000, 8
BETWEEN_SECONDS = 0.5
PATIENCE = 180

Fault = Callable[[Gunicorn, Gate, Postgres], object]


def one_worker_dies(api: Gunicorn, _: Gate, __: Postgres) -> None:
    api.kill(*api.workers()[:1])


def all_workers_die(api: Gunicorn, _: Gate, __: Postgres) -> None:
    api.kill(*api.workers())


def database_stops(_: Gunicorn, __: Gate, server: Postgres) -> None:
    server.stop()
    time.sleep(7)  # longer than waking may take: the breaker is part of it
    server.start()


def database_crashes(_: Gunicorn, __: Gate, server: Postgres) -> None:
    server.restart(CRASH)


def connections_are_cut(_: Gunicorn, __: Gate, server: Postgres) -> None:
    ask(server.url, TERMINATE)


def commits_are_not_answered(_: Gunicorn, proxy: Gate, __: Postgres) -> None:
    answers = iter(range(10**9))
    proxy.swallows = lambda _: next(answers) % 20 == 0
    time.sleep(2)
    proxy.swallows = never


def network_swallows_everything(_: Gunicorn, proxy: Gate, __: Postgres) -> None:
    proxy.flows.clear()
    time.sleep(4)
    proxy.flows.set()


def pool_is_exhausted(_: Gunicorn, __: Gate, server: Postgres) -> None:
    with locked(server.url):
        time.sleep(2)


def worker_dies_between_commit_and_answer(api: Gunicorn, proxy: Gate, _: Postgres) -> None:
    committed = threading.Event()

    def die() -> None:
        api.kill(*api.workers())
        committed.set()

    proxy.swallows, proxy.swallowed = lambda _: not committed.is_set(), die
    assert committed.wait(10)
    proxy.swallows, proxy.swallowed = never, lambda: None


FAULTS: dict[str, Fault] = {
    "F01": one_worker_dies,
    "F02": all_workers_die,
    "F06": database_stops,
    "F07": database_crashes,
    "F08": connections_are_cut,
    "F09": commits_are_not_answered,
    "F10": network_swallows_everything,
    "F13": pool_is_exhausted,
    "F30": worker_dies_between_commit_and_answer,
}


@pytest.mark.slow
def test_no_fault_loses_doubles_or_mixes_what_was_acknowledged() -> None:
    port = free_port()
    with postgres() as server, gate(server.url) as (proxy, url):
        with writing(port) as writers:
            with gunicorn(url, port) as api:
                for fault in FAULTS.values():
                    time.sleep(BETWEEN_SECONDS)
                    fault(api, proxy, server)
                time.sleep(BETWEEN_SECONDS)
                everything_dies(api, server)  # F34
            with gunicorn(url, port):
                end = time.monotonic() + PATIENCE
                while sum(writer.acknowledged for writer in writers) < WRITES:
                    assert time.monotonic() < end, [writer.statuses for writer in writers]
                    time.sleep(BETWEEN_SECONDS)
        found = broken(server.url, writers)

    statuses = sum((writer.statuses for writer in writers), Counter[int]())
    print(f"\nanswers {dict(statuses)}", {kind: len(rows) for kind, rows in found.items()})
    assert sum(writer.acknowledged for writer in writers) >= WRITES
    assert set(statuses) <= {200, 201, 503, 504, 0}
    assert min(statuses[503], statuses[504], statuses[0]) > 0
    assert not any(found.values()), found


@contextmanager
def writing(port: int) -> Iterator[list[Writer]]:
    """Writers at work until the block ends, whether anybody listens or not."""
    writers = [Writer(port) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        try:
            days = [pool.submit(writer.work) for writer in writers]
            yield writers
        finally:
            for writer in writers:
                writer.done.set()
        for day in days:
            day.result()


def everything_dies(api: Gunicorn, server: Postgres) -> None:
    """All at once; the database comes back first."""
    workers = api.workers()
    api.command.process.send_signal(signal.SIGKILL)
    api.kill(*workers)
    server.restart(CRASH)
