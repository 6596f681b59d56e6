"""A pooler that holds its clients back for a moment, as one does while its database moves."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import make_url

from tests.support.database.pgbouncer import Pooler, pooler
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import OPERATIONS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

SECONDS = 1.5
PATIENT = {"statement_timeout_seconds": 8, "database_deadline_seconds": 9}


@contextmanager
def paused(pooled: Pooler, seconds: float) -> Iterator[None]:
    """It takes messages and keeps them, until so many seconds have passed."""
    url = make_url(pooled.url).set(database="pgbouncer").render_as_string(hide_password=False)
    with closing(psycopg2.connect(url)) as console:
        console.autocommit = True
        console.cursor().execute("PAUSE")
        timer = threading.Timer(seconds, lambda: console.cursor().execute("RESUME"))
        timer.start()
        yield
        timer.join()


@pytest.mark.slow
def test_pause_of_the_pooler_delays_requests_and_fails_none(server: RestartablePostgres) -> None:
    with (
        pooler(server.url, size=8, admin_users="postgres") as pooled,
        serve(make_settings(database_url=pooled.url, **PATIENT)) as base,
        User(base, uuid4().hex) as first,
        User(base, uuid4().hex) as second,
        ThreadPoolExecutor(len(OPERATIONS)) as pool,
    ):
        # One user may hold half of the connections.
        users = {name: (first, second)[number % 2] for number, name in enumerate(OPERATIONS)}
        tasks = {name: user.add()["id"] for name, user in users.items()}
        begun = time.monotonic()
        with paused(pooled, SECONDS):
            waiting = [pool.submit(OPERATIONS[name], users[name], tasks[name]) for name in users]
            answers = [one.result() for one in waiting]
        waited = time.monotonic() - begun

    assert all(answer.is_success for answer in answers)
    assert SECONDS <= waited <= SECONDS + 5
    assert max(answer.elapsed.total_seconds() for answer in answers) > SECONDS - 0.5
