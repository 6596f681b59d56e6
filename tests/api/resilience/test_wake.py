"""A sleeping database: requests wait for its wake within a budget."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import pytest

from tests.support.database.faulty_proxy import ColdStart, FaultyProxy, faulty_proxy
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import IDEMPOTENT, background_traffic
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total
from tests.support.waiting import wait_until

BUDGET = 9


class Asleep(NamedTuple):
    """The API before a database that went to sleep after it was used."""

    base: str
    faulty_proxy: FaultyProxy


@contextmanager
def asleep(server: RestartablePostgres, seconds: float, **settings: float) -> Iterator[Asleep]:
    """It wakes ``seconds`` after the first connection."""
    with (
        faulty_proxy(server.url) as (proxy, url),
        serve(make_settings(database_url=url, **settings)) as base,
    ):
        with background_traffic(base, 3) as load:
            load.wait_for(20)
        assert not load.failed()
        server.stop()
        sleeper = ColdStart(seconds, server.start)
        proxy.before_connecting = sleeper
        try:
            yield Asleep(base, proxy)
        finally:
            sleeper.join()


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(0.3, marks=pytest.mark.slow), 0.8, pytest.param(3, marks=pytest.mark.slow)],
)
def test_a_wake_within_the_budget_fails_no_request(
    seconds: float, server: RestartablePostgres
) -> None:
    with asleep(server, seconds, connect_deadline_seconds=BUDGET) as api:
        cold = total(scrape(api.base), "tasks_api_db_cold_starts_total")
        begun = time.monotonic()
        with background_traffic(api.base, 14) as load:
            load.wait_for(60)
        after = total(scrape(api.base), "tasks_api_db_cold_starts_total")

    assert not load.failed()
    print(f"\nwake after {seconds} s: the slowest answer took {load.slowest():.2f} s")
    assert load.slowest() <= BUDGET
    assert time.monotonic() - begun > seconds
    assert after > cold


def test_log_line_of_the_waking_request_has_the_connect_time(
    server: RestartablePostgres, log: BinaryIO
) -> None:
    with asleep(server, 0.8) as api, User(api.base, "early") as early:
        log.read()
        assert early.get(early.tasks).status_code == 200

    lines = [json.loads(line) for line in log.read().splitlines()]
    [line] = [line for line in lines if line["event"] == "request" and line["user_id"]]
    assert line["db_connect_ms"] >= 800
    assert line["db_retries"] == 0
    assert line["db_round_trips"] == 1


def test_a_wake_beyond_the_budget_is_a_503_in_time_and_needs_no_restart(
    server: RestartablePostgres,
) -> None:
    with asleep(server, 2.5, connect_deadline_seconds=1) as api, User(api.base, "early") as early:
        started = time.monotonic()
        first = early.get(early.tasks)
        waited = time.monotonic() - started
        connections = len(api.faulty_proxy.connection_times)
        at_once = [early.post(early.tasks, json={"title": "new"}) for _ in range(5)]
        refused_at_once = len(api.faulty_proxy.connection_times) == connections
        open_breaker = total(scrape(api.base), "tasks_api_db_breaker_open")
        wait_until(lambda: early.get(early.tasks).status_code != 503)
        assert all(send(early, early.add()["id"]).is_success for send in IDEMPOTENT.values())
        text = scrape(api.base)

    for response in (first, *at_once):
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
        assert response.headers["retry-after"] == "1"
    assert 1 <= waited < 2.5
    assert refused_at_once
    assert open_breaker == 1
    assert total(text, "tasks_api_db_breaker_open") == 0
    assert total(text, "tasks_api_db_unavailable_total", cause="wake") >= 1
    assert total(text, "tasks_api_db_unavailable_total", cause="breaker") >= 5
