"""A worker that does not run for a while, as on an overloaded node: late answers still count."""

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
from tests.support.waiting import wait_until

STATEMENT_SECONDS, DEADLINE_SECONDS = 0.9, 1.0


@pytest.fixture(scope="module")
def api(database_url: str) -> Iterator[Gunicorn]:
    """One worker with a short deadline for the database."""
    with gunicorn(
        database_url,
        WORKERS="1",
        STATEMENT_TIMEOUT_SECONDS=f"{STATEMENT_SECONDS}",
        DATABASE_DEADLINE_SECONDS=f"{DEADLINE_SECONDS}",
    ) as started:
        yield started


@pytest.mark.parametrize("operation", ["list", "create", "toggle"])
def test_an_answer_that_came_while_the_worker_did_not_run_counts(
    operation: str, database_url: str, api: Gunicorn
) -> None:
    [worker] = api.workers()
    with User(api.base, f"user-{uuid4().hex}") as user:
        task = user.add()["id"]
        with ExitStack() as lock:
            lock.enter_context(task_table_locked(database_url))
            with in_background(OPERATIONS[operation], user, task) as answer:
                wait_until(lambda: bool(ask(database_url, WAITING)))
                os.kill(worker, signal.SIGSTOP)
                lock.close()
                time.sleep(DEADLINE_SECONDS * 1.5)
                os.kill(worker, signal.SIGCONT)

                assert answer.result().is_success
