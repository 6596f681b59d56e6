"""Concurrent requests log under their own request ids."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import anyio
import httpx2 as httpx
import orjson
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.http.server import make_settings, serve

REQUESTS = ["the-first-of-them", "the-second-of-them", "the-third-of-them"]

logger = structlog.get_logger()


@pytest.fixture
def meeting(database_url: str) -> Iterator[str]:
    """An API whose routes log before and after all requests have arrived."""
    arrived, all_arrived = [0], threading.Event()

    def meet() -> None:
        arrived[0] += 1
        if arrived[0] == len(REQUESTS):
            all_arrived.set()

    def log_event(request: Request, when: str) -> None:
        logger.info("marker", when=when, of=request.query_params["of"])

    async def awaiting(request: Request) -> Response:
        log_event(request, "before")
        meet()
        await anyio.to_thread.run_sync(all_arrived.wait)
        log_event(request, "after")
        return Response()

    def blocking(request: Request) -> Response:
        log_event(request, "before")
        meet()
        all_arrived.wait()
        log_event(request, "after")
        return Response()

    routes = (Route("/awaiting", awaiting), Route("/blocking", blocking))
    with serve(make_settings(database_url=database_url), *routes) as base:
        yield base


@pytest.mark.parametrize("kind", ["awaiting", "blocking"])
def test_concurrent_requests_log_their_own_request_ids(
    kind: str, meeting: str, log: BinaryIO
) -> None:
    def ask(request_id: str) -> int:
        headers = {"X-Request-ID": request_id}
        return httpx.get(f"{meeting}/{kind}?of={request_id}", headers=headers).status_code

    log.read()
    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        assert [*pool.map(ask, REQUESTS)] == [200] * len(REQUESTS)
    marked: list[dict[str, Any]] = [
        line for line in map(orjson.loads, log.read().splitlines()) if line["event"] == "marker"
    ]

    assert [line["when"] for line in marked] == ["before"] * 3 + ["after"] * 3
    assert all(line["request_id"] == line["of"] for line in marked)
    assert {line["of"] for line in marked} == {*REQUESTS}
