"""When old keys are asked for again, and who has to wait for it."""

import asyncio
from collections.abc import Callable

from api.auth.jwks_cache import JwksCache
from tests.api.auth.test_keys import Source, found, run

OLD = 301


async def turn_until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until this holds."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError


def test_a_refresh_that_runs_is_the_only_one() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += OLD
        source.gate.clear()

        assert [await found(keys, "a") for _ in range(5)] == ["found"] * 5
        await turn_until(lambda: source.fetches == 2)
        assert [await found(keys, "a") for _ in range(5)] == ["found"] * 5
        await asyncio.sleep(0)
        assert source.fetches == 2

    run(scenario)


def test_a_refresh_that_failed_is_tried_again_after_a_pause() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += OLD
        source.kids = None
        for pause, fetches in ((0, 2), (0.9, 2), (0.1, 3), (1.9, 3), (0.1, 4)):
            source.now += pause
            assert await found(keys, "a") == "found"
            for _ in range(10):
                await asyncio.sleep(0)
            assert source.fetches == fetches

    run(scenario)


def test_whoever_comes_while_older_keys_are_on_their_way_asks_again() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.gate.clear()
        early = asyncio.create_task(found(keys, "invented"))
        await turn_until(lambda: source.fetches == 2)
        source.now += 1
        source.kids = ["a", "rotated"]
        late = asyncio.create_task(found(keys, "rotated"))
        await asyncio.sleep(0)
        source.gate.set()

        assert [await early, await late] == ["token_invalid", "found"]
        assert source.fetches == 3

    run(scenario)


def test_keys_beyond_their_day_are_fetched_before_they_are_believed() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 24 * 3600 + 1
        assert await found(keys, "a") == "found"

        source.now += 24 * 3600 + 1
        source.kids = ["b"]
        assert await found(keys, "a") == "token_invalid"

    run(scenario)
