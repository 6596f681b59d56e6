"""Probes: their answer in each state, and that load does not delay them."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from statistics import quantiles

import httpx2 as httpx
import psycopg2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.main import create_app
from api.web import load_shedding
from api.web.state import KEY
from tests.support.http.client import User, check_response
from tests.support.http.server import make_settings, serve

NOWHERE = "postgresql://u:p@127.0.0.1:1/d"
PROBES = ["/livez", "/healthz", "/startupz", "/readyz", "/metrics"]
THREADS = 40


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Lock the task table exclusively until the block ends."""
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
        yield
    connection.close()


def timed(base: str, path: str) -> tuple[int, float]:
    """The status of an answer, and how long it took."""
    started = time.monotonic()
    status = httpx.get(base + path).status_code
    return status, time.monotonic() - started


def test_probes_answer_while_all_database_connections_are_blocked(database_url: str) -> None:
    settings = make_settings(
        database_url=database_url,
        pool_size=2,
        pool_wait_seconds=2,
        statement_timeout_seconds=9,
        database_deadline_seconds=9,
    )
    with serve(settings) as base, User(base, "stuck") as user, ThreadPoolExecutor(4) as pool:
        user.add()
        with locked(database_url):
            stuck = [pool.submit(user.get, user.tasks) for _ in range(4)]
            answers = [timed(base, path) for path in PROBES * 6]
            waited = [each.elapsed.total_seconds() for each in refused(stuck)]
    slowest = quantiles([seconds for _, seconds in answers], n=20)[-1]
    print(f"probes: p95 {slowest * 1e3:.1f} ms, while others waited {min(waited):.1f} s")

    assert {status for status, _ in answers} == {200}
    assert slowest * 2 < min(waited)


def refused(stuck: list[Future[httpx.Response]]) -> list[httpx.Response]:
    """The responses of the two requests that got no connection."""
    first = [each.result() for each in islice(as_completed(stuck), 2)]
    assert {answer.json()["code"] for answer in first} == {"overloaded"}
    return first


def test_probes_answer_while_all_threads_are_blocked(database_url: str) -> None:
    free, entered = threading.Event(), threading.Semaphore(0)

    def block(_request: Request) -> Response:
        entered.release()
        free.wait()
        return Response()

    settings = make_settings(database_url=database_url)
    with serve(settings, Route("/block", block)) as base, ThreadPoolExecutor(THREADS + 5) as pool:
        blocked = [pool.submit(httpx.get, f"{base}/block", timeout=60) for _ in range(THREADS + 5)]
        try:
            assert all(entered.acquire(timeout=30) for _ in range(THREADS))
            statuses = {timed(base, path)[0] for path in PROBES}
            done = [each.done() for each in blocked]
        finally:
            free.set()

    assert statuses == {200}
    assert not any(done)


@pytest.mark.slow
@pytest.mark.parametrize(("required", "status"), [(False, 200), (True, 503)])
def test_readiness_reports_database_failures_without_a_query(required: bool, status: int) -> None:  # noqa: FBT001
    settings = make_settings(database_url=NOWHERE, ready_requires_database=required)
    with serve(settings) as base, User(base, "alice") as alice:
        before = httpx.get(f"{base}/readyz").json()
        codes = {alice.get(alice.tasks).json()["code"] for _ in range(3)}
        after = httpx.get(f"{base}/readyz")
        lives = httpx.get(f"{base}/livez")
    known = after.json()["checks"]["database"]

    assert before["checks"] == {"database": {"status": "pass", "failures": 0}}
    assert codes == {"database_unavailable"}
    assert (known["status"], known["failures"]) == ("warn", 3)
    assert 0 <= known["seconds_since_failure"] < 30
    assert (after.status_code, lives.status_code) == (status, 200)


def test_before_startup_only_the_liveness_probe_passes() -> None:
    async def ask(path: str) -> int:
        transport = httpx.ASGITransport(create_app(make_settings()))  # it starts nothing
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(path)).status_code

    statuses = {path: asyncio.run(ask(path)) for path in ("/livez", "/startupz", "/readyz")}
    assert statuses == {"/livez": 200, "/startupz": 503, "/readyz": 503}


def test_saturated_process_is_not_ready(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_shedding, "SATURATED_SECONDS", 0.1)
    settings = make_settings(database_url=database_url, max_in_flight=1)
    with serve(settings) as base, User(base, "held") as user, ThreadPoolExecutor(1) as pool:
        user.add()
        with locked(database_url):
            slow = pool.submit(user.get, user.tasks)
            while (held := httpx.get(f"{base}/readyz")).is_success:
                assert not slow.done()
            lives = httpx.get(f"{base}/livez")
        slow.result()
        again = httpx.get(f"{base}/readyz")

    assert (held.status_code, lives.status_code, again.status_code) == (503, 200, 200)


def test_a_draining_worker_is_alive_and_not_ready(database_url: str) -> None:
    app = create_app(make_settings(database_url=database_url))

    async def ask() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        async with app.router.lifespan_context(app) as state:

            async def started(scope: Scope, receive: Receive, send: Send) -> None:
                await app({**scope, "state": state}, receive, send)

            transport = httpx.ASGITransport(started)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                before = await client.get("/readyz")
                assert state
                state[KEY].is_draining = True
                return before, await client.get("/readyz"), await client.get("/livez")

    before, ready, lives = asyncio.run(ask())

    assert before.status_code == 200
    assert (ready.status_code, ready.json()["status"]) == (503, "fail")
    check_response(lives)
    assert lives.status_code == 200
