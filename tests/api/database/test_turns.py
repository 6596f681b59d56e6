"""Who waits for a connection gets it in the order in which they came."""

import asyncio

import pytest

from tests.support.database.pool import LOOPS, backend, opened_database, runner

USERS = 6
ROUNDS = 5


@pytest.mark.parametrize("loop", LOOPS)
def test_who_comes_again_waits_behind_those_who_wait(loop: str, database_url: str) -> None:
    served: list[int] = []

    async def work() -> None:
        async with opened_database(database_url, pool_size=1) as database:

            async def keep_asking(user: int) -> None:
                for _ in range(ROUNDS):
                    await backend(database)
                    served.append(user)

            await asyncio.gather(*map(keep_asking, range(USERS)))

    with runner(loop) as run:
        run(work())
    assert served == [*range(USERS)] * ROUNDS
