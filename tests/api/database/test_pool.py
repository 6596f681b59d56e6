"""Connections that end are replaced, and other requests are not disturbed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from api.database.statement import CompiledStatement
from api.telemetry import request_context
from tests.support.database.pool import (
    LOOPS,
    TERMINATE,
    Run,
    ask,
    backend,
    by_many,
    opened_database,
    runner,
    sleep,
)
from tests.support.database.temporary_database import temporary_database


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on an event loop of this kind."""
    with runner(request.param) as made:
        yield made


@pytest.fixture
def own(database_url: str) -> Iterator[str]:
    """A database that the test has for itself."""
    with temporary_database(database_url) as url:
        yield url


@pytest.mark.parametrize("size", [1, 4])
def test_cancelled_statements_close_their_connections_and_the_pool_replaces_them(
    run: Run, database_url: str, size: int
) -> None:
    async def work() -> None:
        async with opened_database(database_url, pool_size=size) as database:
            before = await backend(database)
            users = [f"user-{number}" for number in range(size)]
            tasks = [asyncio.ensure_future(database.run(sleep(1), user)) for user in users]
            await asyncio.sleep(0.2)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

            assert all(task.cancelled() for task in tasks)
            assert before not in await asyncio.gather(*(backend(database, user) for user in users))

    run(work())


def test_a_cancelled_wait_for_the_pool_costs_no_connection(run: Run, database_url: str) -> None:
    async def work() -> None:
        async with opened_database(database_url, pool_size=1) as database:
            busy = asyncio.ensure_future(database.run(sleep(0.3), "alice"))
            waiting = asyncio.ensure_future(backend(database))
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.wait([busy, waiting])

            assert waiting.cancelled()
            assert await backend(database) > 0

    run(work())


@pytest.mark.parametrize("size", [1, 4])
def test_idle_connections_that_ended_are_replaced(run: Run, own: str, size: int) -> None:
    async def everyone(database: Any) -> set[int]:
        who = CompiledStatement(
            "who", "SELECT pg_backend_pid() FROM pg_sleep(0.1)", {}, writes=False
        )
        return {number for [(number,)] in await by_many(database, who, size)}

    async def work() -> None:
        async with opened_database(own, pool_size=size) as database:
            before = await everyone(database)
            assert ask(own, TERMINATE) == [(True,)] * size

            current = request_context.begin("next")
            after = await everyone(database)

            # The event loop has not turned since they ended.
            assert (current.reconnects, current.retries) == (1, 0)
            assert len(before) == len(after) == size
            assert not before & after

    run(work())


@pytest.mark.parametrize("writes", [False, True])
def test_statement_whose_session_was_terminated_is_sent_again(
    run: Run, own: str, *, writes: bool
) -> None:
    async def work() -> None:
        async with opened_database(own, pool_size=1) as database:
            before = await backend(database)
            busy = asyncio.ensure_future(database.run(sleep(1, writes=writes), "alice"))
            await asyncio.sleep(0.3)
            ask(own, TERMINATE)

            assert await busy == [("",)]
            assert await backend(database) != before

    run(work())


def test_connections_in_use_are_counted(run: Run, database_url: str) -> None:
    async def work() -> None:
        async with opened_database(database_url, pool_size=2) as database:
            assert database.in_use() == 0
            busy = by_many(database, sleep(0.3), 2)
            await asyncio.sleep(0.15)
            assert database.in_use() == 2
            await busy
            assert database.in_use() == 0

    run(work())
