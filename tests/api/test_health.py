"""Probes: what they say in each state, and that nothing holds them up."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2 as httpx
import psycopg2
import pytest

from api import health
from tests.support.client import User, watch
from tests.support.server import make_settings, serve

NOWHERE = "postgresql://u:p@127.0.0.1:1/d"
PROBES = ["/livez", "/healthz", "/startupz", "/readyz", "/metrics"]


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Nobody can read or write a task meanwhile."""
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
        yield
    connection.close()


def test_probes_answer_while_every_connection_is_stuck(database_url: str) -> None:
    settings = make_settings(database_url=database_url, pool_size=2, pool_wait_seconds=20)
    with serve(settings) as base, User(base, "stuck") as user, ThreadPoolExecutor(4) as pool:
        user.add()
        with locked(database_url):
            stuck = [pool.submit(user.get, user.tasks) for _ in range(4)]
            answers = [httpx.get(f"{base}{path}") for path in PROBES * 3]
            in_time = not any(request.done() for request in stuck)

    assert in_time
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(("required", "status"), [(False, 200), (True, 503)])
def test_a_failing_database_is_known_from_requests_alone(required: bool, status: int) -> None:  # noqa: FBT001
    settings = make_settings(database_url=NOWHERE, ready_requires_database=required)
    with serve(settings) as base, User(base, "alice") as alice:
        before = httpx.get(f"{base}/readyz").json()
        codes = {alice.get(alice.tasks).json()["code"] for _ in range(3)}
        after = httpx.get(f"{base}/readyz")
        lives = httpx.get(f"{base}/livez")

    assert before["checks"] == {"database": {"status": "pass"}}
    assert codes == {"database_unavailable"}
    assert after.json()["checks"] == {"database": {"status": "warn"}}
    assert (after.status_code, lives.status_code) == (status, 200)


def test_a_process_about_to_stop_is_not_ready(base_url: str) -> None:
    health.drain()
    try:
        ready, lives = (httpx.get(f"{base_url}{path}") for path in ("/readyz", "/livez"))
    finally:
        health._draining.clear()  # noqa: SLF001

    assert (ready.status_code, ready.json()["status"]) == (503, "fail")
    watch(lives)
    assert lives.status_code == 200
