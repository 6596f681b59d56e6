"""Simultaneous attempts to connect, and the requests that wait for them."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest

from api.database.engine import Database
from api.problems.catalogue import DatabaseUnavailable
from api.telemetry import request_context
from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.database.pool import backend, opened_database, sleep


@pytest.fixture
def through(database_url: str) -> Iterator[tuple[FaultyProxy, str]]:
    """A gate before the database."""
    with faulty_proxy(database_url) as (proxy, url):
        yield proxy, url


async def outcomes(*work: Any) -> list[Any]:
    """Their results and exceptions."""
    return await asyncio.gather(*work, return_exceptions=True)


def test_an_old_attempt_that_fails_late_does_not_undo_a_newer_success(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through
    waits = iter([1.5])
    proxy.before_connecting = lambda: time.sleep(next(waits, 0))

    async def work() -> list[Any]:
        async with opened_database(url, connect_deadline_seconds=0.8) as database:
            old = asyncio.ensure_future(backend(database))
            await asyncio.sleep(0.2)
            assert await backend(database) > 0
            [failed] = await outcomes(old)
            assert isinstance(failed, DatabaseUnavailable)
            return await outcomes(*(database.run(sleep(0.2), "alice") for _ in range(4)))

    assert asyncio.run(work()) == [[("",)]] * 4


@pytest.mark.parametrize("wait", [0.1, pytest.param(0.5, marks=pytest.mark.slow)])
def test_waiters_get_503_database_unavailable_when_the_wake_fails(
    wait: float, through: tuple[FaultyProxy, str]
) -> None:
    proxy, url = through
    proxy.traffic_flows.clear()

    async def work() -> list[Any]:
        limits = {"pool_wait_seconds": wait, "connect_deadline_seconds": 0.7}
        async with opened_database(url, pool_size=2, **limits) as database:
            return await outcomes(*(backend(database) for _ in range(6)))

    try:
        found = asyncio.run(work())
    finally:
        proxy.traffic_flows.set()
    assert [type(one) for one in found] == [DatabaseUnavailable] * 6


def test_waiters_are_not_refused_right_after_the_connection_they_waited_for(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through
    proxy.before_connecting = lambda: time.sleep(1)

    async def work() -> list[Any]:
        async with opened_database(url, pool_size=1, pool_wait_seconds=1.5) as database:
            return await outcomes(database.run(sleep(0.8), "alice"), backend(database, "bob"))

    first, second = asyncio.run(work())
    assert first == [("",)]
    assert isinstance(second, int)


@pytest.mark.parametrize(("away", "reason"), [(False, "wake"), (True, "breaker")])
def test_waiters_behind_an_attempt_to_connect_are_answered_in_time(
    away: bool,  # noqa: FBT001
    reason: str,
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through
    proxy.traffic_flows.clear()

    async def hurried(database: Database) -> int:
        request_context.begin("hurried").started -= 9.4
        return await backend(database)

    async def work() -> list[Any]:
        limits = {"pool_wait_seconds": 0.1, "connect_deadline_seconds": 1}
        async with opened_database(url, pool_size=1, **limits) as database:
            if away:
                await outcomes(backend(database))
                await asyncio.sleep(1.1)
            return await outcomes(backend(database), hurried(database))

    try:
        found = asyncio.run(work())
    finally:
        proxy.traffic_flows.set()
    assert [(type(one), one.reason) for one in found] == [
        (DatabaseUnavailable, "wake"),
        (DatabaseUnavailable, reason),
    ]


@pytest.mark.slow
def test_refused_pool_backs_off(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through
    proxy.refuse_connections = True
    users, seconds = 10, 2

    async def work() -> list[Any]:
        limits = {"pool_size": users, "connect_deadline_seconds": seconds}
        async with opened_database(url, **limits) as database:
            return await outcomes(*(backend(database, f"user-{number}") for number in range(users)))

    found = asyncio.run(work())

    assert [one.reason for one in found] == ["connect"] * users
    assert 3 * users <= len(proxy.connection_times) <= 5 * users * seconds


@pytest.mark.slow
def test_outage_is_logged_again_when_its_cause_changes(
    through: tuple[FaultyProxy, str], log: BinaryIO
) -> None:
    proxy, url = through
    log.read()

    async def work() -> None:
        async with opened_database(url, connect_deadline_seconds=0.3) as database:
            proxy.traffic_flows.clear()
            await outcomes(backend(database))
            proxy.refuse_connections = True
            for _ in range(2):
                await asyncio.sleep(1.1)
                await outcomes(backend(database))

    try:
        asyncio.run(work())
    finally:
        proxy.traffic_flows.set()
    lines = [json.loads(line) for line in log.read().splitlines()]
    away = [line for line in lines if line["event"] == "database_away"]
    assert [line["reason"] for line in away] == ["wake", "connect"]
    assert all(line["error"] for line in away)
