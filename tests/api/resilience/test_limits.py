"""More connections than the database has: refused at once, and well again when there is room."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import psycopg2
import pytest
from sqlalchemy import make_url

from tests.support.database.faulty_proxy import faulty_proxy
from tests.support.database.pgbouncer import pooler
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import background_traffic
from tests.support.http.client import User, user_of_new_api
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total

LIMIT = 2


@contextmanager
def login(url: str, options: str = "") -> Iterator[str]:
    """The URL of another owner of this database."""
    name = f"login_{uuid4().hex}"
    run(url, f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE task_api {options}")
    run(url, f"GRANT task_api TO {name}")
    try:
        other = make_url(url).set(username=name, password="secret")
        yield other.render_as_string(hide_password=False)
    finally:
        run(url, f"DROP ROLE {name}")


def run(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


def crowd(user: User) -> list[httpx.Response]:
    """Eight at once."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: user.get(user.tasks), range(8)))


@contextmanager
def every_slot_taken(url: str) -> Iterator[None]:
    """The server has no connection left but those of its superuser."""
    taken: list[Any] = []
    try:
        while len(taken) < 1000:
            taken.append(psycopg2.connect(url))
    except psycopg2.OperationalError:
        yield
    finally:
        for connection in taken:
            connection.close()


def check_overloaded(answers: list[httpx.Response]) -> None:
    """Refused at once, with the time to wait."""
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    for answer in refused:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "2"
        assert answer.elapsed.total_seconds() < make_settings().connect_deadline_seconds


def test_a_limit_of_connections_is_an_overload_until_there_is_room(
    server: RestartablePostgres,
) -> None:
    with (
        login(server.url, f"CONNECTION LIMIT {LIMIT}") as url,
        faulty_proxy(url) as (proxy, through),
        user_of_new_api(through) as user,
    ):
        taken = [psycopg2.connect(url) for _ in range(LIMIT)]
        check_overloaded(crowd(user) + crowd(user))
        attempts = len(proxy.connection_times)
        text = scrape(user.base_url)
        for connection in taken:
            connection.close()
        time.sleep(1.1)
        after = user.get(user.tasks)

    assert attempts <= 8
    assert total(text, "tasks_api_db_breaker_open") == 1
    assert total(text, "tasks_api_db_unavailable_total", cause="limit") >= 1
    assert after.status_code == 200


@pytest.mark.slow
def test_a_server_without_a_free_slot_is_an_overload(server: RestartablePostgres) -> None:
    with login(server.url) as url, every_slot_taken(url), user_of_new_api(url) as user:
        check_overloaded(crowd(user))


@pytest.mark.slow
def test_small_pool_of_the_pooler_delays_requests_and_fails_none(
    server: RestartablePostgres,
) -> None:
    with (
        pooler(server.url, size=LIMIT) as pooled,
        serve(make_settings(database_url=pooled.url)) as base,
        background_traffic(base, 8) as load,
    ):
        load.wait_for(200)

    assert not load.failed()


def test_a_pooler_that_gives_up_waiting_is_an_overload(server: RestartablePostgres) -> None:
    with (
        pooler(server.url, size=1, query_wait_timeout=1) as pooled,
        closing(psycopg2.connect(pooled.url)) as other,
        user_of_new_api(pooled.url) as user,
    ):
        other.cursor().execute("SELECT 1")  # an open transaction keeps the one connection
        answer = user.get(user.tasks)

    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
