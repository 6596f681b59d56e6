"""The CPU time of the middleware: the application against its bare routes, in turns.

``python -m tests.api.middleware_overhead`` prints the CPU time per request in microseconds, and the
difference. PROMETHEUS_MULTIPROC_DIR must name a folder, as it does where the API is served.
"""

import asyncio
import json
import os
import time
from statistics import median
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Scope

from api.main import create_app
from api.openapi import docs
from api.telemetry import logs
from tests.support.http.server import make_settings

ROUNDS, REQUESTS = 40, 500
HEADERS = [
    (b"host", b"localhost"),
    (b"authorization", b"Bearer a.b.c"),
    (b"x-request-id", b"4c1f6ab29d0e4a7f8c35be6d7f901234"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    (b"x-request-start", b"t=1795692000.123"),
]
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/openapi.json",
    "raw_path": b"/openapi.json",
    "query_string": b"",
    "headers": HEADERS,
    "http_version": "1.1",
    "scheme": "http",
    "root_path": "",
}


async def receive() -> Message:
    """A request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    """Discard the response."""


async def cost(app: ASGIApp) -> float:
    """Microseconds of CPU per request."""
    started = time.process_time()
    for _ in range(REQUESTS):
        scope: Scope = dict(SCOPE)
        await app(scope, receive, send)
    return (time.process_time() - started) / REQUESTS * 1e6


async def measured() -> dict[str, float]:
    """The medians of many rounds, in which both take turns."""
    routes = [*docs.routes("production")]
    bare, whole = FastAPI(openapi_url=None, routes=routes), create_app(make_settings())
    costs = [(await cost(bare), await cost(whole)) for _ in range(ROUNDS)]
    without, among = (median(each) for each in zip(*costs, strict=True))
    return {"bare": without, "whole": among, "around": among - without}


if __name__ == "__main__":
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123, a descriptor is needed
        logs.configure("info", nowhere.fileno())
        result = asyncio.run(measured())
    print(json.dumps({name: round(value, 1) for name, value in result.items()}))
