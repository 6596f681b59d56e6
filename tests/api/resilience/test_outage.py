"""A long outage: answers come in time, and requests succeed soon after its end."""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

from tests.support.database.pgbouncer import Pooler
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import READS, Traffic, background_traffic
from tests.support.http.gunicorn import Gunicorn, gunicorn
from tests.support.observability.metrics import scrape, total

# Requests in flight may have waited for the whole wake budget.
BUDGET, SLACK = 5, 0.5
# Few answers may be later: the machine of a test is busy now and then.
BUSY = 4
USERS = 8
# Each worker finds out for itself, by one attempt per second.
OTHER_WORKER = 5
# PgBouncer asks its database again only then.
LOGIN_RETRY = 15


class Outage(NamedTuple):
    """The seconds of an outage, and within how many the API must notice its end."""

    seconds: float
    back_within: float
    url: Callable[[RestartablePostgres, Pooler], str]


OUTAGES = {
    "direct": Outage(30, 5, lambda server, _: server.url),
    # It ends midway between two attempts of PgBouncer.
    "behind the pooler": Outage(22, LOGIN_RETRY + 1, lambda _, pooled: pooled.url),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_is_a_503_in_time_and_ends_with_the_database(
    name: str, server: RestartablePostgres, pooled: Pooler
) -> None:
    outage = OUTAGES[name]
    with (
        gunicorn(outage.url(server, pooled)) as api,
        background_traffic(api.base, USERS, 0.02) as load,
    ):
        load.wait_for(100)
        workers = api.workers()
        stopped = time.monotonic()
        server.stop()
        during = probe_for(outage.seconds, api)
        server.start()
        back = time.monotonic()
        first = first_success(load, back)
        time.sleep(OTHER_WORKER)
        load.wait_for(200)
        text = scrape(api.base)
        assert api.workers() == workers
        events = [json.loads(line) for line in api.command.output.splitlines()]

    check_answers(load, stopped, back)
    assert first - back <= outage.back_within
    assert {answer.status for answer in load.answers[-200:]} <= {200, 201}
    check_times([seconds for _, seconds in during], SLACK)
    assert {status for status, _ in during} == {200}
    print(f"\n{name}: the first 2xx came {first - back:.2f} s after the database")
    check_signs(text, events)


def probe_for(seconds: float, api: Gunicorn) -> list[tuple[int, float]]:
    """How the process said that it lives meanwhile."""
    end = time.monotonic() + seconds
    answers = []
    while time.monotonic() < end:
        response = httpx.get(f"{api.base}/livez")
        answers.append((response.status_code, response.elapsed.total_seconds()))
        time.sleep(0.2)
    return answers


def first_success(load: Traffic, since: float) -> float:
    """When the first request that was sent afterwards succeeded."""
    while True:
        for answer in load.answers[-200:]:
            if answer.status < 300 and answer.started + answer.seconds > since:
                return answer.started + answer.seconds
        assert time.monotonic() < since + 2 * LOGIN_RETRY
        time.sleep(0.05)


def check_answers(load: Traffic, stopped: float, back: float) -> None:
    """503, or 504 for what was under way; slow only while the budget was being spent."""
    during = [a for a in load.answers if a.started + a.seconds > stopped and a.started < back]
    failed = [answer for answer in during if answer.status >= 300]
    assert {answer.status for answer in failed} <= {503, 504}
    unknown = [answer for answer in failed if answer.status == 504]
    assert len(unknown) <= USERS
    assert not {answer.operation for answer in unknown} & READS.keys()
    assert len(failed) > 50
    settled = [a.seconds for a in failed if a.started > stopped + BUDGET + SLACK]
    check_times([answer.seconds for answer in failed], BUDGET + SLACK)
    assert len(settled) > 50
    check_times(settled, 1)


def check_times(seconds: list[float], limit: float) -> None:
    """Nearly all within the limit, and none much later."""
    assert sorted(seconds)[int(len(seconds) * 0.95)] <= limit
    assert max(seconds) <= limit + BUSY


def check_signs(text: str, events: list[dict[str, Any]]) -> None:
    """It shows in the numbers, and once per worker and cause in the log."""
    causes = ("connect", "no_server", "breaker")
    assert sum(total(text, "tasks_api_db_unavailable_total", cause=cause) for cause in causes) > 50
    assert total(text, "tasks_api_db_breaker_open") == 0
    names = Counter(event["event"] for event in events)
    lost, found = names["database_away"], names["database_connected"]
    # Which worker takes which client is the kernel's affair: one may have had none. The cause may
    # change while the database is away, and each new one is logged.
    assert 1 <= lost <= 4
    assert 2 <= found <= lost + 2
    connected = [event for event in events if event["event"] == "database_connected"]
    assert {event["connections_of_all"] for event in connected} == {20}
