"""Acknowledged writes are there, once, and of the right user, whatever fails (a set checker)."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, repeat

import pytest

from tests.api.resilience.acknowledged_writes import Writer, broken
from tests.api.resilience.catalogue import FAULTS, Rig
from tests.support.command import free_port
from tests.support.database.faulty_proxy import faulty_proxy
from tests.support.database.restartable_postgres import restartable_postgres
from tests.support.http.gunicorn import gunicorn

ROUNDS, WRITERS = 4, 8
BETWEEN_SECONDS = 0.5
# Once longer than waking may take, so that the breaker is part of it; then often.
OUTAGES = chain([7.0], repeat(2.5))


@pytest.mark.slow
def test_no_fault_loses_doubles_or_mixes_acknowledged_writes() -> None:
    port = free_port()
    with restartable_postgres() as server, faulty_proxy(server.url) as (proxy, url):
        with writing(port) as writers:
            for _ in range(ROUNDS):
                with gunicorn(url, port) as api:
                    suffer(Rig(api, proxy, server, next(OUTAGES)))
        found = broken(server.url, writers)

    statuses = sum((writer.statuses for writer in writers), Counter[int]())
    print(f"\nanswers {dict(statuses)}", {kind: len(rows) for kind, rows in found.items()})
    assert set(statuses) <= {200, 201, 503, 504, 0}
    assert min(statuses[code] for code in (200, 201, 503, 504, 0)) > 0
    assert not any(found.values()), found


def suffer(rig: Rig) -> None:
    """Every fault, one after the other, and some good time in between."""
    for fault in FAULTS.values():
        time.sleep(BETWEEN_SECONDS)
        fault(rig)


@contextmanager
def writing(port: int) -> Iterator[list[Writer]]:
    """Writers at work until the block ends, also while the API is down."""
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
