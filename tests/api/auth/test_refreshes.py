"""Refreshes of the JWKS cache: when they run and which requests wait."""

import asyncio
from collections.abc import Callable

import pytest

from api.auth.jwks_cache import JwksCache
from tests.api.auth.test_keys import Source, found, run

OLD = 301


async def turn_until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError


def test_only_one_refresh_runs_at_a_time() -> None:
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


def test_a_failed_refresh_is_retried_after_backoff() -> None:
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


def test_a_token_that_arrives_during_a_fetch_triggers_another() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.gate.clear()
        early = asyncio.create_task(found(keys, "unknown"))
        await turn_until(lambda: source.fetches == 2)
        source.now += 1
        source.kids = ["a", "rotated"]
        late = asyncio.create_task(found(keys, "rotated"))
        await asyncio.sleep(0)
        source.gate.set()

        assert [await early, await late] == ["token_invalid", "found"]
        assert source.fetches == 3

    run(scenario)


def test_keys_older_than_ten_minutes_are_fetched_before_use() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 600
        assert await found(keys, "a") == "found"  # the fetch runs in the background
        await turn_until(lambda: source.fetches == 2)
        source.now += 601
        source.kids = ["b"]

        assert await found(keys, "a") == "token_invalid"
        assert await found(keys, "b") == "found"

    run(scenario)


def test_keys_older_than_ten_minutes_are_used_when_the_fetch_fails() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 601
        source.kids = None

        assert await found(keys, "a") == "found"
        assert source.fetches == 2

    run(scenario)


def test_after_a_failed_fetch_no_request_waits_for_the_next() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 601
        source.kids = None
        await keys.find("a")
        source.gate.clear()
        source.now += 30

        assert [await found(keys, "a") for _ in range(5)] == ["found"] * 5
        await turn_until(lambda: source.fetches == 3)
        assert await found(keys, "a") == "found"
        source.gate.set()

    run(scenario)


def test_a_failure_of_a_minute_ago_does_not_excuse_older_keys() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 601
        source.kids = None
        await keys.find("a")
        source.now += 61
        source.kids = ["b"]

        assert await found(keys, "a") == "token_invalid"

    run(scenario)


def test_concurrent_requests_wait_for_one_fetch_of_old_keys() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 601
        source.kids = ["b"]

        codes = await asyncio.gather(*(found(keys, "a") for _ in range(20)))
        assert codes == ["token_invalid"] * 20
        assert source.fetches == 3  # the second one looks for the kid that the first did not bring

    run(scenario)


@pytest.mark.parametrize("warm", [True, False])
def test_an_empty_key_set_withdraws_all_keys(*, warm: bool) -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        if warm:
            await keys.find("a")
        source.now += 601
        source.kids = []

        assert [await found(keys, "a") for _ in range(3)] == ["token_invalid"] * 3
        source.kids, source.now = ["a"], source.now + 31
        assert await found(keys, "a") == "found"

    run(scenario)


def test_keys_older_than_a_day_are_fetched_before_use() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 24 * 3600 + 1
        assert await found(keys, "a") == "found"

        source.now += 24 * 3600 + 1
        source.kids = ["b"]
        assert await found(keys, "a") == "token_invalid"

    run(scenario)
