"""Request id, response headers, log line and metrics of every request; the response to a crash.

From the outermost: ``RequestMiddleware``, CORS, load shedding, ``CrashMiddleware``, the
application. So every response has its headers, and a browser can read even a 500.
"""

import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems.problem import Problem
from api.telemetry import metrics, request_context, request_metrics
from api.telemetry.request_context import RequestContext
from api.web.load_shedding import PROBES
from api.web.problem_response import respond

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
TRACEPARENT = re.compile(rb"00-(?!0+-)[0-9a-f]{32}-(?!0+-)[0-9a-f]{16}-[0-9a-f]{2}")
REQUEST_START = re.compile(rb"t=([0-9]{1,12}(?:\.[0-9]{1,6})?)")
SERVER_ERROR = 500
PIECE_BYTES = 64 * 1024

log = structlog.get_logger()


class RequestMiddleware:
    """Sets the request id and the response headers, and writes one log line per request.

    HEAD is answered as GET without the body, wherever there is GET (RFC 9110 section 9.3.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        current = request_context.begin(_request_id(scope))
        head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if head else scope

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                current.status = message["status"]
                message["headers"] = [*message["headers"], *_headers(message, current)]
            else:
                message["body"] = b"" if head else message.get("body", b"")
                current.size += len(message["body"])
            await _send_in_pieces(message, send)

        _read_headers(scope, current)
        try:
            await self.app(inner, receive, send_with_headers)
        finally:
            if scope["path"] not in PROBES:
                route = inner.get("route")
                request_metrics.observe(scope["method"], route, current)
                _log_request(scope["method"], route, current)


class CrashMiddleware:
    """Turns an unexpected exception into a log line with its traceback and a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:
            if scope["type"] != "http" or request_context.current().has_response_started():
                raise
            log.exception("crash")
            await respond(Problem(reason="crash"))(scope, receive, send)


async def _send_in_pieces(message: Message, send: Send) -> None:
    """Send a long body in pieces, each of which waits until the client has read the one before.

    The last piece is empty, so that a request stays in flight until its response has been read.
    """
    body = message.get("body", b"")
    if len(body) > PIECE_BYTES:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            await send({"type": message["type"], "body": piece, "more_body": True})
        message["body"] = b""
    await send(message)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(16)


def _headers(
    message: MutableMapping[str, Any], current: RequestContext
) -> list[tuple[bytes, bytes]]:
    timing = f"app;dur={current.elapsed() * 1e3:.1f}, db;dur={current.database_seconds * 1e3:.1f}"
    caching = b"no-store" if message["status"] >= 400 else b"private, no-cache"  # noqa: PLR2004
    return [
        (b"x-request-id", current.request_id.encode()),
        (b"cache-control", caching),
        (b"x-content-type-options", b"nosniff"),
        (b"server-timing", timing.encode()),
    ]


def _read_headers(scope: Scope, current: RequestContext) -> None:
    """Read the proxy's ``X-Request-Start`` and the ``traceparent`` (W3C Trace Context)."""
    for name, value in scope["headers"]:
        if name == b"x-request-start" and (found := REQUEST_START.fullmatch(value)):
            metrics.QUEUE_SECONDS.observe(max(0.0, time.time() - float(found[1])))
        elif name == b"traceparent" and TRACEPARENT.fullmatch(value):
            current.traceparent = value.decode()


def _log_request(method: str, route: Any, current: RequestContext) -> None:
    write = log.error if current.status >= SERVER_ERROR else log.info
    write(
        "request",
        method=method,
        route=route.path if route else "unmatched",
        status=current.status,
        duration_ms=round(current.elapsed() * 1e3, 2),
        db_ms=round(current.database_seconds * 1e3, 2),
        db_connect_ms=round(current.connect_seconds * 1e3, 2),
        db_round_trips=current.round_trips,
        db_retries=current.retries,
        db_reconnects=current.reconnects,
        operations=current.operations,
        bytes=current.size,
        user_id=current.user_id,
        traceparent=current.traceparent,
        code=current.code,
        reason=current.reason,
    )
