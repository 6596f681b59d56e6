"""The addresses of a name: looked up once for all who ask, and kept for a day."""

import asyncio
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from api.database import resolver as module
from api.database.resolver import Resolver, is_name

UNKNOWN = "no such host"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The resolver's clock."""
    made = SimpleNamespace(now=100_000.0)
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    return made


def test_the_last_good_addresses_are_used_for_a_day(clock: SimpleNamespace) -> None:
    async def work() -> None:
        resolver = Resolver("localhost", 5432)
        found = await resolver.addresses(5)
        assert found
        resolver._host = UNKNOWN  # noqa: SLF001
        clock.now += module.LONGEST_AGE_SECONDS - 1
        assert await resolver.addresses(5) == found
        clock.now += 1
        with pytest.raises(OSError, match=r".+"):
            await resolver.addresses(5)

    asyncio.run(work())


def test_a_name_that_was_never_resolved_is_an_error() -> None:
    async def work() -> None:
        with pytest.raises(OSError, match=r".+"):
            await Resolver(UNKNOWN, 5432).addresses(5)

    asyncio.run(work())


def test_simultaneous_lookups_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        resolver, lookups = Resolver("localhost", 5432), 0
        look_up = resolver._look_up  # noqa: SLF001

        async def counted() -> list[str]:
            nonlocal lookups
            lookups += 1
            return await look_up()

        monkeypatch.setattr(resolver, "_look_up", counted)
        found = await asyncio.gather(*(resolver.addresses(5) for _ in range(10)))
        assert found == [found[0]] * 10
        assert lookups == 1
        await resolver.addresses(5)
        assert lookups == 2

    asyncio.run(work())


def test_a_trouble_is_logged_once_with_its_begin_and_its_end() -> None:
    async def work() -> None:
        resolver = Resolver("localhost", 5432)
        for host in ("localhost", UNKNOWN, UNKNOWN, "localhost", "localhost", UNKNOWN):
            resolver._host = host  # noqa: SLF001
            assert await resolver.addresses(5)

    with capture_logs() as logged:
        asyncio.run(work())

    failed, recovered = "name_lookup_failed", "name_lookup_recovered"
    assert [line["event"] for line in logged] == [failed, recovered, failed]


@pytest.mark.parametrize("host", ["", "/var/run/postgresql", "127.0.0.1", "::1", "a,b"])
def test_addresses_sockets_and_lists_are_no_names(host: str) -> None:
    assert not is_name(host)
    assert is_name("db.example.com")
