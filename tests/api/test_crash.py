"""A crash in the middle of an answer: nothing can be added to what the client has."""

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


def test_an_answer_that_has_begun_is_not_begun_again(database_url: str) -> None:
    settings = make_settings(database_url=database_url)
    with serve(settings, Route("/broken", _broken)) as base:
        before = total(scrape(base), "tasks_api_problems_total", code="internal")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{base}/broken")

        assert total(scrape(base), "tasks_api_problems_total", code="internal") == before
