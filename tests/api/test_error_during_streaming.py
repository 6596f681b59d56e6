"""An error after the response has started: the connection is closed without a second response."""

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total


async def _broken(_request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"the beginning"
        raise ZeroDivisionError

    return StreamingResponse(parts())


def test_error_after_the_response_has_started_closes_the_connection(database_url: str) -> None:
    settings = make_settings(database_url=database_url)
    with serve(settings, Route("/broken", _broken)) as base:
        before = total(scrape(base), "tasks_api_problems_total", code="internal")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{base}/broken")

        assert total(scrape(base), "tasks_api_problems_total", code="internal") == before
