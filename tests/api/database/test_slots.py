"""Slots are given first come, first served; one user holds at most half of them."""

import asyncio
from collections.abc import Iterator

import pytest

from api.database.engine import Database
from api.problems.catalogue import Overloaded
from api.telemetry import request_context
from tests.support.database.pool import LOOPS, Run, backend, opened_database, runner, sleep

USERS, ROUNDS = 6, 5


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on an event loop of this kind."""
    with runner(request.param) as made:
        yield made


@pytest.mark.parametrize("same_user", [True, False])
def test_pool_wait_is_fifo(run: Run, database_url: str, *, same_user: bool) -> None:
    served: list[int] = []

    async def work() -> None:
        async with opened_database(database_url, pool_size=1) as database:

            async def keep_asking(number: int) -> None:
                for _ in range(ROUNDS):
                    await backend(database, "alice" if same_user else f"user-{number}")
                    served.append(number)

            await asyncio.gather(*map(keep_asking, range(USERS)))

    run(work())
    assert served == [*range(USERS)] * ROUNDS


@pytest.mark.parametrize(("size", "most"), [(1, 1), (2, 1), (3, 1), (5, 2), (10, 5)])
def test_one_user_holds_at_most_half_of_the_connections(
    run: Run, database_url: str, size: int, most: int
) -> None:
    async def work() -> None:
        async with opened_database(database_url, pool_size=size, pool_wait_seconds=5) as database:
            crowd = asyncio.gather(*(database.run(sleep(0.2), "alice") for _ in range(most + 2)))
            await asyncio.sleep(0)
            assert database.in_use() == most
            if size > 1:
                assert await backend(database, "bob") > 0
                assert not crowd.done()
            await crowd
            assert database.in_use() == 0

    run(work())


def test_a_user_with_half_of_the_connections_waits_in_turn_and_others_pass(
    run: Run, database_url: str
) -> None:
    served: list[str] = []

    async def work() -> None:
        async with opened_database(database_url, pool_size=2, pool_wait_seconds=5) as database:

            async def ask(name: str, user_id: str, seconds: float) -> None:
                await database.run(sleep(seconds), user_id)
                served.append(name)

            await asyncio.gather(
                ask("alice 1", "alice", 1),
                ask("bob 1", "bob", 0.1),
                ask("alice 2", "alice", 0.01),
                ask("alice 3", "alice", 0.01),
                ask("carol", "carol", 0.01),
            )

    run(work())
    assert served == ["bob 1", "carol", "alice 1", "alice 2", "alice 3"]


def test_a_user_who_waits_too_long_behind_own_requests_gets_overloaded(
    run: Run, database_url: str
) -> None:
    async def work() -> None:
        async with opened_database(database_url, pool_size=4, pool_wait_seconds=0.1) as database:
            busy = asyncio.gather(*(database.run(sleep(1), "alice") for _ in range(2)))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await backend(database, "alice")
            assert await backend(database, "bob") > 0
            await busy
            assert await backend(database, "alice") > 0

    run(work())


def test_a_wait_for_the_pool_ends_with_its_request(run: Run, database_url: str) -> None:
    async def waits(database: Database) -> None:
        request_context.begin("late").started -= 9.7
        with pytest.raises(Overloaded):
            await backend(database)

    async def work() -> None:
        async with opened_database(database_url, pool_size=1, pool_wait_seconds=5) as database:
            busy = asyncio.ensure_future(database.run(sleep(1), "bob"))
            await asyncio.sleep(0)
            await asyncio.ensure_future(waits(database))
            assert not busy.done()
            await busy

    run(work())
