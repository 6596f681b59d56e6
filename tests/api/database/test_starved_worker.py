"""A worker that does not run for a while, as in a frozen container: its requests go on."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from tests.support.database.faults import WAITING, in_background, task_table_locked
from tests.support.database.pool import ask
from tests.support.http.background_traffic import OPERATIONS
from tests.support.http.client import User
from tests.support.http.gunicorn import Gunicorn, gunicorn
from tests.support.observability.metrics import scrape, total
from tests.support.waiting import wait_until

STATEMENT_SECONDS, DEADLINE_SECONDS, REQUEST_SECONDS = 0.9, 1.0, 1.5


@pytest.fixture(scope="module")
def api(database_url: str) -> Iterator[Gunicorn]:
    """One worker with one connection, and with short deadlines."""
    with gunicorn(
        database_url,
        WORKERS="1",
        POOL_SIZE="1",
        STATEMENT_TIMEOUT_SECONDS=f"{STATEMENT_SECONDS}",
        DATABASE_DEADLINE_SECONDS=f"{DEADLINE_SECONDS}",
        CONNECT_DEADLINE_SECONDS=f"{REQUEST_SECONDS}",
        REQUEST_DEADLINE_SECONDS=f"{REQUEST_SECONDS}",
    ) as started:
        yield started


@pytest.mark.parametrize("operation", ["list", "create", "toggle"])
def test_a_stopped_worker_fails_neither_a_sent_message_nor_one_that_waits(
    operation: str, database_url: str, api: Gunicorn
) -> None:
    [worker] = api.workers()
    with User(api.base, f"user-{uuid4().hex}") as user:
        task = user.add()["id"]
        with ExitStack() as lock:
            lock.enter_context(task_table_locked(database_url))
            with in_background(OPERATIONS[operation], user, task) as sent:
                wait_until(lambda: bool(ask(database_url, WAITING)))
                with in_background(user.get, user.tasks) as waiting:
                    wait_until(lambda: total(scrape(api.base), "tasks_api_in_flight") == 2)
                    os.kill(worker, signal.SIGSTOP)
                    lock.close()
                    time.sleep(REQUEST_SECONDS * 2)
                    os.kill(worker, signal.SIGCONT)

                    assert sent.result().is_success
                    assert waiting.result().is_success
