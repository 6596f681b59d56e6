"""A server that stops speaking, behind a pooler or a network: answers come in time all the same."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from tests.support.client import User
from tests.support.faults import silent_listener
from tests.support.gate import Gate, gate
from tests.support.load import EVERY, READS
from tests.support.metrics import scrape, total
from tests.support.pgbouncer import Pooler
from tests.support.postgres import Postgres
from tests.support.server import make_settings, serve

DEADLINE, SLACK = 0.6, 0.5
LIVE_SECONDS = 0.05


@contextmanager
def silent(proxy: Gate) -> Iterator[None]:
    """Nothing passes, and nobody says so."""
    proxy.flows.clear()
    try:
        yield
    finally:
        proxy.flows.set()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("through", ["direct", pytest.param("pooled", marks=pytest.mark.slow)])
def test_a_silent_network_is_given_up_at_the_deadline(
    through: str, name: str, server: Postgres, pooled: Pooler
) -> None:
    own = server.url if through == "direct" else pooled.url
    limits = {"statement_timeout_seconds": DEADLINE, "database_deadline_seconds": DEADLINE}
    with (
        gate(own) as (proxy, url),
        serve(make_settings(database_url=url, **limits)) as base,
        User(base, "waiting") as user,
    ):
        task = user.add()
        with silent(proxy):
            answer = EVERY[name](user, task["id"])
        text = scrape(base)
        again = user.get(user.tasks)

    expected = (503, "database_unavailable") if name in READS else (504, "outcome_unknown")
    assert (answer.status_code, answer.json()["code"]) == expected
    assert DEADLINE - 0.01 <= answer.elapsed.total_seconds() <= DEADLINE + SLACK
    assert total(text, "tasks_db_unavailable_total", cause="deadline") >= 1
    assert again.status_code == 200


def test_the_process_lives_on_while_its_database_is_silent() -> None:
    with (
        silent_listener() as url,
        serve(make_settings(database_url=url, connect_deadline_seconds=2)) as base,
        User(base, "waiting") as user,
        httpx.Client(base_url=base) as probe,
        ThreadPoolExecutor(4) as pool,
    ):
        waiting = [pool.submit(user.get, user.tasks) for _ in range(4)]
        seconds = []
        while not waiting[0].done():
            started = time.monotonic()
            assert probe.get("/livez").status_code == 200
            seconds.append(time.monotonic() - started)
            time.sleep(0.02)

    assert {answer.result().status_code for answer in waiting} == {503}
    assert len(seconds) > 20
    assert sorted(seconds)[len(seconds) // 2] < LIVE_SECONDS
