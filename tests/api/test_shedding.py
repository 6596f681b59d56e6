"""Too many requests at once: the surplus is refused, probes never are."""

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


class Gate:
    """A route that answers when it is opened."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.open = threading.Event()

    def enter(self, _request: Request) -> Response:
        self.inside.release()
        self.open.wait(30)
        return Response("through")


@pytest.fixture
def gate() -> Gate:
    """A closed gate."""
    return Gate()


@pytest.fixture
def base(database_url: str, gate: Gate) -> Iterator[str]:
    """An API that serves few requests at once."""
    settings = make_settings(
        database_url=database_url, max_in_flight=LIMIT, cors_origins="https://app.example.com"
    )
    route = Route("/gate", gate.enter)
    with serve(settings, route) as url:
        yield url
        gate.open.set()


def test_the_surplus_is_refused_and_probes_are_not(base: str, gate: Gate) -> None:
    headers = {"Origin": "https://app.example.com"}
    with ThreadPoolExecutor(LIMIT + SURPLUS) as pool:
        waiting = [pool.submit(httpx.get, f"{base}/gate", timeout=60) for _ in range(LIMIT)]
        for _ in range(LIMIT):
            gate.inside.acquire()
        refused = [*pool.map(lambda _: httpx.get(f"{base}/gate", headers=headers), range(SURPLUS))]
        probes = [httpx.get(f"{base}{path}") for path in ("/livez", "/readyz", "/metrics")]
        gate.open.set()

        assert {future.result().status_code for future in waiting} == {200}
    for response in refused:
        check_response(response)
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
        assert response.elapsed.total_seconds() >= REFUSAL_SECONDS
        assert response.headers["access-control-allow-origin"] == headers["Origin"]
    assert {probe.status_code for probe in probes} == {200}
    assert httpx.get(f"{base}/gate").status_code == 200


def test_a_limit_is_held_after_five_seconds_without_a_pause() -> None:
    now = [100.0]
    load = InFlightLimiter(2, lambda: now[0])

    with load, load:
        now[0] += 4
        assert (load.is_full(), load.is_saturated()) == (True, False)
        now[0] += 2
        assert load.is_saturated()
    assert (load.is_full(), load.is_saturated()) == (False, False)
