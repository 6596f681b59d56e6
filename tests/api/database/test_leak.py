"""Over few connections many users' messages never mix, whatever fails among them."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from api.database.engine import Database
from tests.api.database.leak_traffic import KINDS, exchange
from tests.support.database.pgbouncer import pgbouncer
from tests.support.http.server import make_settings

USERS = 48
EACH = 440
BACKENDS = 4
# The settings of a message's prefix, which must end with it.
LEFT = """
    SELECT current_user, nullif(current_setting('app.user_id', true), ''),
        current_setting('statement_timeout')
"""
# Waiting is what this is about; only the statement's own time is short.
PATIENCE = {
    "statement_timeout_seconds": 0.5,
    "pool_wait_seconds": 60,
    "database_deadline_seconds": 60,
    "connect_deadline_seconds": 60,
    "request_deadline_seconds": 60,
}


def crowd(url: str, pool_size: int) -> tuple[Counter[str], list[str]]:
    """The messages of ``USERS`` users over one pool by kind, and the wrong outcomes."""

    async def run() -> tuple[Counter[str], list[str]]:
        database = Database(make_settings(database_url=url, pool_size=pool_size, **PATIENCE))
        try:
            return await exchange(database, [f"user-{uuid4().hex}" for _ in range(USERS)], EACH)
        finally:
            await database.close()

    return asyncio.run(run())


@contextmanager
def onlookers(url: str) -> Iterator[list[Any]]:
    """The settings that clients without a prefix find on connections shared with the API."""
    found: list[Any] = []
    done = threading.Event()

    def look() -> None:
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not done.wait(0.005):
                cursor.execute(LEFT)
                found.append(cursor.fetchone())

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_no_row_reaches_another_user(database_url: str) -> None:
    sent, wrong = crowd(database_url, BACKENDS)

    assert sent.total() >= 20_000
    assert set(sent) == set(KINDS)
    assert wrong == []


@pytest.mark.slow
def test_no_row_reaches_another_user_through_pgbouncer(database_url: str) -> None:
    with pgbouncer(database_url, BACKENDS) as url, onlookers(url) as found:
        sent, wrong = crowd(url, BACKENDS * 4)

    assert sent.total() >= 20_000
    assert wrong == []
    assert len(found) > 100
    assert set(found) == {("postgres", None, "0")}
