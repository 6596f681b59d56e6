"""The pool under cancellations and dying connections: no slot is lost, and nothing hangs."""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api.database.engine import Database
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

SIZE, USERS = 4, 6
SECONDS = 120


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


def open_files() -> int:
    """Descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def cancelled_somewhere(database: Database, choose: random.Random) -> None:
    """A message of a random user, cancelled at a random point of its way."""
    user_id = f"user-{choose.randrange(USERS)}"
    task = asyncio.ensure_future(database.run(sleep(choose.choice([0, 0.002])), user_id))
    for _ in range(choose.randrange(12)):
        await asyncio.sleep(0)
    await asyncio.sleep(choose.choice([0, choose.random() / 100]))
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("times", [300, pytest.param(1500, marks=pytest.mark.slow)])
def test_cancellations_at_random_points_leave_every_slot_free(
    run: Run, own: str, times: int
) -> None:
    choose = random.Random(18)
    left = iter(range(times))

    async def keep_cancelling(database: Database) -> None:
        for _ in left:
            await cancelled_somewhere(database, choose)

    async def work() -> None:
        limits = {"pool_wait_seconds": 10, "pool_size": SIZE}
        async with opened_database(own, **limits) as database, asyncio.timeout(SECONDS):
            await asyncio.gather(*(keep_cancelling(database) for _ in range(3 * SIZE)))

            assert database.in_use() == 0
            assert len(await by_many(database, sleep(0.05), SIZE)) == SIZE

    run(work())


@pytest.mark.parametrize("rounds", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_all_connections_killed_at_once_hang_nothing_and_reach_no_other_socket(
    run: Run, own: str, rounds: int
) -> None:
    async def work() -> None:
        async with (
            opened_database(own, pool_size=SIZE, pool_wait_seconds=10) as database,
            asyncio.timeout(SECONDS),
        ):
            await by_many(database, sleep(0.01), SIZE)
            before = open_files()
            for number in range(rounds):
                busy = by_many(database, sleep(0.05), SIZE) if number % 2 else None
                await asyncio.sleep(0.02)
                ask(own, TERMINATE)
                await reuse_descriptors()
                if busy:
                    await busy
                await by_many(database, sleep(0.01), SIZE)
            assert database.in_use() == 0
            assert open_files() <= before

    run(work())


async def reuse_descriptors() -> None:
    """Other sockets get the numbers of those that died, and each hears its own peer alone."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        pairs = [[stack.enter_context(s) for s in socket.socketpair()] for _ in range(2 * SIZE)]
        for _, reader in pairs:
            reader.settimeout(0)
        await asyncio.sleep(0)
        waiting = [asyncio.ensure_future(loop.sock_recv(reader, 1)) for _, reader in pairs]
        await asyncio.sleep(0)
        for writer, _ in pairs:
            writer.send(b"x")
        assert await asyncio.gather(*waiting) == [b"x"] * len(pairs)


def test_connections_are_used_again_last_used_first(run: Run, own: str) -> None:
    async def work() -> None:
        async with opened_database(own, pool_size=SIZE) as database:
            await by_many(database, sleep(0.05), SIZE)
            last = await backend(database)
            assert [await backend(database) for _ in range(SIZE)] == [last] * SIZE

    run(work())
