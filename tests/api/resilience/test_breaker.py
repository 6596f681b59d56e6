"""The breaker: one attempt per second while the database is away, other requests fail at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace

import pytest

from api.database import breaker as module
from api.database.breaker import Breaker
from api.database.causes import Cause
from api.problems.catalogue import DatabaseUnavailable, Overloaded
from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy, silenced
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import background_traffic
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total

BUDGET, SECONDS = 0.5, 3


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The breaker's clock."""
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    return made


def test_closed_breaker_admits_every_attempt(clock: SimpleNamespace) -> None:
    breaker = Breaker()

    for _ in range(3):
        breaker.admit()


def test_open_breaker_admits_one_attempt_per_second(clock: SimpleNamespace) -> None:
    breaker = Breaker()
    assert breaker.record_failure(Overloaded(reason=Cause.LIMIT), clock.now)
    for _ in range(5):
        for _ in range(9):
            clock.now += 0.1
            with pytest.raises(Overloaded):
                breaker.admit()
        clock.now += 0.11
        breaker.admit()


def test_a_success_closes_the_breaker(clock: SimpleNamespace) -> None:
    breaker = Breaker()
    breaker.record_failure(DatabaseUnavailable(reason=Cause.WAKE), clock.now)
    assert breaker.is_unavailable()
    assert breaker.record_success(answered=False)

    for _ in range(3):
        breaker.admit()


def test_after_no_server_only_an_answer_closes_the_breaker(clock: SimpleNamespace) -> None:
    breaker = Breaker()
    breaker.record_failure(DatabaseUnavailable(reason=Cause.NO_SERVER), clock.now)

    assert not breaker.record_success(answered=False)
    assert breaker.is_unavailable()
    assert breaker.record_success(answered=True)
    assert not breaker.is_unavailable()


def test_an_attempt_older_than_the_last_success_does_not_open_the_breaker(
    clock: SimpleNamespace,
) -> None:
    breaker, began = Breaker(), clock.now
    clock.now += 1
    breaker.record_success(answered=True)

    assert not breaker.record_failure(DatabaseUnavailable(reason=Cause.WAKE), began)
    assert not breaker.is_unavailable()


def test_only_a_new_cause_is_news(clock: SimpleNamespace) -> None:
    breaker = Breaker()
    causes = [Cause.WAKE, Cause.WAKE, Cause.CONNECT]

    news = [breaker.record_failure(DatabaseUnavailable(reason=c), clock.now) for c in causes]

    assert news == [True, False, True]


@contextmanager
def refusing(proxy: FaultyProxy) -> Iterator[None]:
    """Connections end before they begin."""
    proxy.refuse_connections = True
    try:
        yield
    finally:
        proxy.refuse_connections = False


Away = Callable[[FaultyProxy], AbstractContextManager[None]]


@pytest.mark.slow
@pytest.mark.parametrize("away", [refusing, silenced])
def test_unavailable_database_is_asked_once_per_second(
    away: Away, server: RestartablePostgres
) -> None:
    settings = {"connect_deadline_seconds": BUDGET}
    with (
        faulty_proxy(server.url) as (proxy, url),
        serve(make_settings(database_url=url, **settings)) as base,
    ):
        with away(proxy), background_traffic(base, 6, 0.02) as load:
            load.wait_for(30)  # the budget is spent
            before, start = len(proxy.connection_times), time.monotonic()
            time.sleep(SECONDS)
            asked, seconds = len(proxy.connection_times) - before, time.monotonic() - start
            text = scrape(base)
        with background_traffic(base, 1) as again:
            again.wait_for(5)
            time.sleep(1)
            again.wait_for(20)
        closed = total(scrape(base), "tasks_api_db_breaker_open")

    late = [answer.seconds for answer in load.answers if answer.started > start]
    assert {answer.status for answer in load.answers} == {503}
    assert SECONDS / (1 + BUDGET) - 1 <= asked <= seconds + 1
    assert sum(wait < 0.2 for wait in late) > len(late) * 0.8
    assert max(late) < BUDGET + 4
    assert total(text, "tasks_api_db_breaker_open") == 1
    assert total(text, "tasks_api_db_unavailable_total", cause="breaker") > 20
    assert closed == 0
    assert {answer.status for answer in again.answers[-20:]} <= {200, 201}
