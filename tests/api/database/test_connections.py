"""Connections that end, whoever ended them: the pool is never poorer, nobody else notices."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from api.database.statement import CompiledStatement
from tests.support.database.pool import (
    LOOPS,
    TERMINATE,
    Run,
    ask,
    backend,
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
            tasks = [asyncio.ensure_future(database.run(sleep(1), "a")) for _ in range(size)]
            await asyncio.sleep(0.2)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

            assert all(task.cancelled() for task in tasks)
            assert before not in await asyncio.gather(*map(backend, [database] * size))

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
def test_idle_connections_that_ended_are_replaced_unnoticed(run: Run, own: str, size: int) -> None:
    async def everyone(database: Any) -> set[int]:
        who = CompiledStatement(
            "who", "SELECT pg_backend_pid() FROM pg_sleep(0.1)", {}, writes=False
        )
        rows = await asyncio.gather(*(database.run(who, "alice") for _ in range(size)))
        return {number for [(number,)] in rows}

    async def work() -> None:
        async with opened_database(own, pool_size=size) as database:
            before = await everyone(database)
            assert ask(own, TERMINATE) == [(True,)] * size

            after = await everyone(database)

            assert len(before) == len(after) == size
            assert not before & after

    run(work())


@pytest.mark.parametrize("writes", [False, True])
def test_a_statement_that_the_server_gave_up_is_sent_again(
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


def test_connections_in_use_and_failures_are_told(run: Run, database_url: str) -> None:
    async def work() -> None:
        async with opened_database(
            database_url, pool_size=2, statement_timeout_seconds=0.3
        ) as database:
            assert (database.in_use(), database.failures) == (0, 0)
            busy = asyncio.gather(
                *(database.run(sleep(1), "alice") for _ in range(2)), return_exceptions=True
            )
            await asyncio.sleep(0.15)
            assert database.in_use() == 2
            await busy
            assert (database.in_use(), database.failures) == (0, 2)
            await backend(database)
            assert database.failures == 0

    run(work())
