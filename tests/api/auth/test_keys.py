"""The JWKS cache: what triggers a fetch, which requests wait, which keys are served."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from api.auth.jwks import JwksUnavailable, KeySet, PublicKey
from api.auth.jwks_cache import JwksCache
from api.problems.problem import Problem

KEY = PublicKey(object(), ("EdDSA",))


class Source:
    """A fake issuer: ``kids`` are its answer (None: it fails), ``now`` is its clock in seconds."""

    def __init__(self) -> None:
        self.now, self.fetches = 1000.0, 0
        self.kids: list[str] | None = ["a"]
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self) -> KeySet:
        self.fetches += 1
        kids = self.kids
        await self.gate.wait()
        if kids is None:
            raise JwksUnavailable("down")
        return dict.fromkeys(kids, KEY)

    def clock(self) -> float:
        return self.now


async def found(keys: JwksCache, kid: str) -> str:
    """The outcome of a lookup: ``found`` or the code of the problem."""
    try:
        return "found" if await keys.find(kid) is KEY else "another"
    except Problem as problem:
        return problem.code


def run(scenario: Callable[[Source, JwksCache], Awaitable[None]]) -> None:
    """Run a scenario on a new cache."""

    async def play() -> None:
        source = Source()
        keys = JwksCache(source.fetch, source.clock)
        async with asyncio.timeout(30):
            await scenario(source, keys)
        await keys.close()

    asyncio.run(play())


def test_a_known_key_is_fetched_once() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        assert [await found(keys, "a") for _ in range(3)] == ["found"] * 3
        assert source.fetches == 1

    run(scenario)


def test_concurrent_requests_share_one_fetch() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        assert await asyncio.gather(*(found(keys, "a") for _ in range(50))) == ["found"] * 50
        assert source.fetches == 1

    run(scenario)


def test_stale_keys_are_served_during_a_background_refresh() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.now += 301
        source.gate.clear()

        assert await found(keys, "a") == "found"
        await asyncio.sleep(0)
        assert source.fetches == 2

    run(scenario)


@pytest.mark.parametrize(("age", "outcome"), [(86_399, "found"), (86_402, "keys_unavailable")])
def test_keys_are_kept_for_a_day_while_the_issuer_is_down(age: int, outcome: str) -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.kids = None
        source.now += age

        assert await found(keys, "a") == outcome

    run(scenario)


def test_a_cold_cache_without_an_issuer_is_keys_unavailable() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        source.kids = None

        assert [await found(keys, "a") for _ in range(5)] == ["keys_unavailable"] * 5
        assert source.fetches == 1

    run(scenario)


def test_backoff_doubles_up_to_half_a_minute() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        source.kids = None
        await found(keys, "a")
        pauses = []
        for _ in range(7):
            before, started = source.fetches, source.now
            while source.fetches == before:
                source.now += 0.5
                await found(keys, "a")
            pauses.append(source.now - started)

        assert pauses == [1, 2, 4, 8, 16, 30, 30]
        source.kids, source.now = ["a"], source.now + 30
        assert await found(keys, "a") == "found"

    run(scenario)


def test_unknown_kids_trigger_five_fetches_then_one_per_ten_seconds() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        codes = {await found(keys, f"unknown-{n}") for n in range(1000)}
        assert (codes, source.fetches) == ({"token_invalid"}, 1 + 5)

        source.now += 10
        await found(keys, "unknown")
        await found(keys, "unknown too")
        assert source.fetches == 1 + 5 + 1

    run(scenario)


def test_an_unknown_kid_is_remembered_for_half_a_minute() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        for _ in range(3):
            assert await found(keys, "b") == "token_invalid"
        assert source.fetches == 2
        source.now += 31
        source.kids = ["a", "b"]
        assert await found(keys, "b") == "found"

    run(scenario)


def test_rotation_does_not_use_up_the_fetch_budget() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        for number in range(50):
            source.kids = [f"key-{number}"]
            assert await found(keys, f"key-{number}") == "found"
            source.now += 1

    run(scenario)


def test_a_failed_fetch_leaves_the_cached_keys_in_place() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        source.kids = None
        assert await found(keys, "b") == "keys_unavailable"
        assert await found(keys, "a") == "found"

    run(scenario)


def test_the_number_of_remembered_unknown_kids_is_bounded() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        await keys.find("a")
        for number in range(2100):
            source.now += 11
            await found(keys, f"unknown-{number}")

        assert len(keys._unknown_until) <= 1000  # noqa: SLF001

    run(scenario)


def test_cancelling_one_request_does_not_cancel_a_shared_fetch() -> None:
    async def scenario(source: Source, keys: JwksCache) -> None:
        source.gate.clear()
        first, second = (asyncio.create_task(found(keys, "a")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        source.gate.set()

        assert await second == "found"

    run(scenario)
