"""Connections nobody uses: replaced before the database ends them, and never touched by probes."""

import asyncio
import time

import httpx2 as httpx

from tests.support.client import User
from tests.support.load import EVERY
from tests.support.metrics import scrape, total
from tests.support.own_database import own_database
from tests.support.pool import ask, backend, opened
from tests.support.postgres import Postgres
from tests.support.server import make_settings, serve

PROBES = ("/livez", "/readyz", "/startupz", "/healthz", "/metrics")
STATE = """
    SELECT pid, state_change FROM pg_stat_activity
    WHERE application_name = 'tasks-api' AND datname = current_database()
"""


def test_a_connection_idle_for_too_long_is_replaced_without_an_error(server: Postgres) -> None:
    settings = make_settings(database_url=server.url, pool_idle_seconds=0.3)
    with serve(settings) as base, User(base, "sleepy") as user:
        user.add()
        time.sleep(0.4)
        before = scrape(base)
        for send in EVERY.values():
            task = user.add()
            time.sleep(0.4)
            assert send(user, task["id"]).is_success
        after = scrape(base)

    def grown(metric: str, **labels: str) -> float:
        return total(after, metric, **labels) - total(before, metric, **labels)

    assert grown("tasks_db_reconnects_total", reason="idle") == len(EVERY) + 1
    assert grown("tasks_db_reconnects_total", reason="ended") == 0
    assert grown("tasks_db_unavailable_total") == 0


def test_a_connection_in_use_is_kept(server: Postgres) -> None:
    async def work() -> set[int]:
        async with opened(server.url, pool_idle_seconds=0.5) as database:
            seen = set()
            for _ in range(8):
                seen.add(await backend(database))
                await asyncio.sleep(0.1)
            return seen

    assert len(asyncio.run(work())) == 1


def test_probes_and_scrapes_let_the_database_sleep(server: Postgres) -> None:
    with (
        own_database(server.url) as url,
        serve(make_settings(database_url=url)) as base,
        User(base, "quiet") as user,
        httpx.Client(base_url=base) as probe,
    ):
        user.add()
        before = ask(url, STATE)
        for _ in range(20):
            assert all(probe.get(path).is_success for path in PROBES)
            time.sleep(0.05)
        after = ask(url, STATE)

    assert len(before) == 1
    assert after == before
