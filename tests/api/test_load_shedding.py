"""Requests over the in-flight limit are refused; probes are not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.web.load_shedding import REFUSAL_SECONDS, InFlightLimiter
from tests.support.http.client import check_response
from tests.support.http.server import make_settings, serve

LIMIT, SURPLUS = 4, 5


class BlockingRoute:
    """A route that answers once it is released."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.released = threading.Event()

    def enter(self, _request: Request) -> Response:
        self.entered.release()
        self.released.wait(30)
        return Response("through")


@pytest.fixture
def blocking() -> BlockingRoute:
    """A route that is not released yet."""
    return BlockingRoute()


@pytest.fixture
def base(database_url: str, blocking: BlockingRoute) -> Iterator[str]:
    """An API that serves few requests at once."""
    settings = make_settings(
        database_url=database_url, max_in_flight=LIMIT, cors_origins="https://app.example.com"
    )
    route = Route("/blocking", blocking.enter)
    with serve(settings, route) as url:
        yield url
        blocking.released.set()


def test_excess_requests_get_503_and_probes_do_not(base: str, blocking: BlockingRoute) -> None:
    headers = {"Origin": "https://app.example.com"}
    with ThreadPoolExecutor(LIMIT + SURPLUS) as pool:
        waiting = [pool.submit(httpx.get, f"{base}/blocking", timeout=60) for _ in range(LIMIT)]
        for _ in range(LIMIT):
            blocking.entered.acquire()
        refused = [
            *pool.map(lambda _: httpx.get(f"{base}/blocking", headers=headers), range(SURPLUS))
        ]
        probes = [httpx.get(f"{base}{path}") for path in ("/livez", "/readyz", "/metrics")]
        blocking.released.set()

        assert {future.result().status_code for future in waiting} == {200}
    for response in refused:
        check_response(response)
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
        assert response.elapsed.total_seconds() >= REFUSAL_SECONDS
        assert response.headers["access-control-allow-origin"] == headers["Origin"]
    assert {probe.status_code for probe in probes} == {200}
    assert httpx.get(f"{base}/blocking").status_code == 200


def test_limiter_is_saturated_after_five_seconds_at_the_limit() -> None:
    now = [100.0]
    load = InFlightLimiter(2, lambda: now[0])

    with load, load:
        now[0] += 4
        assert (load.is_full(), load.is_saturated()) == (True, False)
        now[0] += 2
        assert load.is_saturated()
    assert (load.is_full(), load.is_saturated()) == (False, False)
