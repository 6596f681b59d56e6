"""A database that answers, and says no: no room, no entry."""

import json
import time
from typing import BinaryIO

import httpx2 as httpx
import pytest
from sqlalchemy import make_url

from tests.api.resilience.test_cuts import TERMINATE
from tests.api.resilience.test_limits import login
from tests.support.database.faulty_proxy import faulty_proxy
from tests.support.database.pgbouncer import pooler
from tests.support.database.pool import ask
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.database.temporary_database import temporary_database
from tests.support.http.background_traffic import OPERATIONS, READS
from tests.support.http.client import user_of_new_api
from tests.support.observability.metrics import scrape, total

FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'could not extend file: no space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON task EXECUTE FUNCTION full_disk()
"""


def test_full_disk_refuses_writes_without_retry_after(
    server: RestartablePostgres,
) -> None:
    with temporary_database(server.url) as url, user_of_new_api(url) as user:
        task = user.add()
        before = total(scrape(user.base_url), "tasks_api_db_unavailable_total", cause="full")
        ask(url, FULL)
        answers = {name: send(user, task["id"]) for name, send in OPERATIONS.items()}
        text = scrape(user.base_url)

    for name, answer in answers.items():
        if name in READS:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "read_only")
            assert "retry-after" not in answer.headers
    counted = total(text, "tasks_api_db_unavailable_total", cause="full") - before
    assert counted == len(OPERATIONS) - len(READS)


@pytest.mark.parametrize("pooled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_role_that_may_only_read_is_read_only(pooled: bool, server: RestartablePostgres) -> None:  # noqa: FBT001
    with (
        temporary_database(server.url) as own,
        login(own) as url,
        pooler(url, size=2) as bouncer,
        user_of_new_api(bouncer.url if pooled else url) as user,
    ):
        task = user.add()
        ask(own, f"ALTER ROLE {make_url(url).username} SET default_transaction_read_only = on")
        ask(own, TERMINATE)
        answers = {name: send(user, task["id"]) for name, send in OPERATIONS.items()}
        assert user.all() == [task]

    for name, answer in answers.items():
        if name in READS:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "read_only")
            assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("pooled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_wrong_password_is_logged_once_and_tried_once_per_second(
    pooled: bool,  # noqa: FBT001
    server: RestartablePostgres,
    log: BinaryIO,
) -> None:
    with (
        pooler(server.url, size=2) as bouncer,
        faulty_proxy(bouncer.url if pooled else server.url) as (
            proxy,
            url,
        ),
    ):
        wrong = make_url(url).set(password="wrong").render_as_string(hide_password=False)
        with user_of_new_api(wrong) as user:
            log.read()
            started = time.monotonic()
            first = user.get(user.tasks)
            ready = httpx.get(f"{user.base_url}".rstrip("/") + "/readyz").json()
            while time.monotonic() < started + 2.5:
                assert user.get(user.tasks).status_code == 503
            seconds = time.monotonic() - started
            text = scrape(user.base_url)
        lines = [json.loads(line) for line in log.read().splitlines()]

    assert (first.status_code, first.json()["code"]) == (503, "database_unavailable")
    assert ready["checks"]["database"]["status"] == "warn"
    assert len(proxy.connection_times) <= seconds + 1
    [away] = [line for line in lines if line["event"] == "database_away"]
    assert away["reason"] == "credentials"
    assert "wrong" not in json.dumps(away)
    assert total(text, "tasks_api_db_unavailable_total", cause="breaker") > 20
