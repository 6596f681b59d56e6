"""Idle connections are replaced before the database ends them; probes do not use them."""

import asyncio
import json
import time
from typing import BinaryIO

import httpx2 as httpx
import pytest
from sqlalchemy import make_url

from tests.support.database.pool import ask, backend, opened_database
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.database.temporary_database import temporary_database
from tests.support.http.background_traffic import OPERATIONS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total

PROBES = ("/livez", "/readyz", "/startupz", "/healthz", "/metrics")
STATE = """
    SELECT pid, state_change, sessions
    FROM pg_stat_activity JOIN pg_stat_database USING (datid)
    WHERE application_name = 'tasks-api' AND pg_stat_database.datname = '{name}'
"""


def test_a_connection_idle_for_too_long_is_replaced_without_an_error(
    server: RestartablePostgres, log: BinaryIO
) -> None:
    settings = make_settings(database_url=server.url, pool_idle_seconds=0.6)
    with serve(settings) as base, User(base, "sleepy") as user:
        user.add()
        time.sleep(0.7)
        before = scrape(base)
        log.read()
        for send in OPERATIONS.values():
            task = user.add()
            time.sleep(0.7)
            assert send(user, task["id"]).is_success
        after = scrape(base)
    lines = [json.loads(line) for line in log.read().splitlines()]

    def grown(metric: str, **labels: str) -> float:
        return total(after, metric, **labels) - total(before, metric, **labels)

    assert grown("tasks_api_db_reconnects_total", reason="idle") == len(OPERATIONS) + 1
    assert sum(line.get("db_reconnects", 0) for line in lines) == len(OPERATIONS) + 1
    assert grown("tasks_api_db_reconnects_total", reason="ended") == 0
    assert grown("tasks_api_db_unavailable_total") == 0


def test_a_connection_in_use_is_kept(server: RestartablePostgres) -> None:
    async def work() -> set[int]:
        async with opened_database(server.url, pool_idle_seconds=1) as database:
            seen = set()
            for _ in range(13):
                seen.add(await backend(database))
                await asyncio.sleep(0.1)
            return seen

    assert len(asyncio.run(work())) == 1


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_probes_and_scrapes_let_the_database_sleep(
    seconds: float, server: RestartablePostgres
) -> None:
    with (
        temporary_database(server.url) as url,
        serve(make_settings(database_url=url)) as base,
        User(base, "quiet") as user,
        httpx.Client(base_url=base) as probe,
    ):
        user.add()
        # Its statistics arrive a little later; asked for elsewhere, to be no session themselves.
        time.sleep(1.2)
        state = STATE.format(name=make_url(url).database)
        before, end = ask(server.url, state), time.monotonic() + seconds
        while time.monotonic() < end:
            assert all(probe.get(path).is_success for path in PROBES)
            time.sleep(0.1)
        after = ask(server.url, state)

    assert len(before) == 1
    assert after == before
