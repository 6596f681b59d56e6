"""psycopg2 awaited: what SQLAlchemy's users do with any asynchronous driver works with ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from api.database import psycopg2_asyncio
from tests.support.database.pool import (
    LOOPS,
    Run,
    ask,
    backend,
    loop_iterations,
    opened_database,
    runner,
    sleep,
)
from tests.support.database.temporary_database import empty_database


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on an event loop of this kind."""
    with runner(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    """A database with one table of one column."""
    with empty_database(database_url) as own:
        ask(own, "CREATE TABLE number (value int PRIMARY KEY)")
        yield own


@asynccontextmanager
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine of the dialect, disposed of in the end."""
    psycopg2_asyncio.install()
    made = create_async_engine(make_url(url).set(drivername="postgresql+psycopg2_asyncio"))
    try:
        yield made
    finally:
        await made.dispose()


def test_rows_come_back(run: Run, url: str) -> None:
    async def work() -> Any:
        async with engine(url) as made, made.connect() as connection:
            rows = await connection.execute(
                text("SELECT value, :word FROM generate_series(1, :n) value"),
                {"n": 3, "word": "ünï"},
            )
            return rows.all()

    assert run(work()) == [(1, "ünï"), (2, "ünï"), (3, "ünï")]


def test_a_transaction_commits(run: Run, url: str) -> None:
    async def work() -> None:
        async with engine(url) as made, made.begin() as connection:
            await connection.execute(text("DELETE FROM number"))
            await connection.execute(text("INSERT INTO number VALUES (1), (2)"))

    run(work())

    assert ask(url, "SELECT count(*) FROM number") == [(2,)]


def test_an_error_rolls_the_transaction_back(run: Run, url: str) -> None:
    async def work() -> None:
        async with engine(url) as made, made.begin() as connection:
            await connection.execute(text("INSERT INTO number VALUES (77)"))
            await connection.execute(text("INSERT INTO number VALUES (77)"))

    with pytest.raises(IntegrityError):
        run(work())

    assert ask(url, "SELECT count(*) FROM number WHERE value = 77") == [(0,)]


def test_a_connection_is_usable_after_an_error_and_a_rollback(run: Run, url: str) -> None:
    async def work() -> Any:
        async with engine(url) as made, made.connect() as connection:
            before = await connection.scalar(text("SELECT pg_backend_pid()"))
            with pytest.raises(ProgrammingError):
                await connection.execute(text("SELECT nothing FROM nowhere"))
            await connection.rollback()
            return before == await connection.scalar(text("SELECT pg_backend_pid()"))

    assert run(work()) is True


def test_one_connection_waits_while_another_works(run: Run, url: str) -> None:
    lock = text("SELECT pg_advisory_xact_lock(5)")
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

    async def work() -> None:
        async with engine(url) as made, made.connect() as first, made.connect() as second:
            await first.execute(lock)
            later = asyncio.ensure_future(second.execute(lock))
            while await first.scalar(waiting) == 0:
                assert not later.done()
            await first.rollback()
            await later

    run(work())


def test_the_loop_turns_while_a_statement_runs(run: Run, url: str) -> None:
    async def work() -> int:
        async with opened_database(url) as database:
            return await loop_iterations(database.run(sleep(0.5), "alice"))

    assert run(work()) > 5


def test_every_address_of_a_name_is_tried(run: Run, url: str) -> None:
    async def work() -> Any:
        async with opened_database(named, pool_size=1) as database:
            return await backend(database)

    # "localhost" is ::1 as well on most machines, where nobody listens.
    named = make_url(url).set(host="localhost").render_as_string(hide_password=False)

    assert run(work()) > 0


def test_a_synchronous_connection_still_works(run: Run, url: str) -> None:
    async def work() -> Any:
        async with engine(url) as made, made.connect() as connection:
            await connection.execute(text("SELECT 1"))
            return ask(url, "SELECT 2")

    assert run(work()) == [(2,)]
    assert ask(url, "SELECT 3") == [(3,)]


def test_a_synchronous_connection_still_reports_errors(url: str) -> None:
    psycopg2_asyncio.install()

    with pytest.raises(psycopg2.ProgrammingError):
        ask(url, "SELECT nothing FROM nowhere")
