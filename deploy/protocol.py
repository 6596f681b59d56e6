"""HTTP/1.1: uvicorn's httptools protocol with problem documents for malformed requests."""

import asyncio
import random
from uuid import uuid4

import httptools

from api.problems.catalogue import InvalidRequest
from api.problems.problem import PROBLEM_JSON
from deploy.backpressure import BackpressureProtocol


class HttpProtocol(BackpressureProtocol):
    """Answers malformed HTTP with a problem document (RFC 9457), like every other error.

    A kept connection ends with ``Connection: close`` after ``CONNECTION_REQUESTS`` requests or
    about ``CONNECTION_SECONDS``, so that load spreads to instances that were added later.
    """

    CONNECTION_REQUESTS = 5000
    CONNECTION_SECONDS = 180.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Set the connection's limits; they vary, so that not all connections end at once."""
        super().connection_made(transport)
        share = random.uniform(0.8, 1.2)  # noqa: S311, no secret
        self._requests_left = int(self.CONNECTION_REQUESTS * share)
        self._close_at = self.loop.time() + self.CONNECTION_SECONDS * share

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which stops at each request that asks for another protocol."""
        self._unset_keepalive_if_required()
        rest: bytes | None = data
        while rest is not None:
            rest = self._feed(rest)

    def _feed(self, data: bytes) -> bytes | None:
        """Parse ``data``; returns the bytes to parse next after a request with ``Upgrade``."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.scope["method"] == "CONNECT":
                # Refused; what follows is not HTTP (RFC 9110 section 9.3.6).
                self.cycle.keep_alive = False
                return None
            return self._without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        return None

    def on_headers_complete(self) -> None:
        """Require exactly one Host (RFC 9112 section 3.2); an exception makes the parser fail."""
        hosts = [name for name, _ in self.headers if name == b"host"]
        if len(hosts) != 1 and self.parser.get_http_version() == "1.1":
            raise ValueError("host")
        self._requests_left -= 1
        if self._requests_left <= 0 or self.loop.time() >= self._close_at:
            # After all received data is parsed, and before the request's task runs.
            self.loop.call_soon(self._close_after_response)
        super().on_headers_complete()

    def _close_after_response(self) -> None:
        """End the connection with the pending response, unless others are pipelined behind it."""
        if not self.pipeline and self.cycle:
            self.cycle.keep_alive = False

    def _should_upgrade(self) -> bool:
        """Keep uvicorn from starting a request before its body is parsed (except CONNECT)."""
        return bool(self.scope["method"] != "CONNECT")

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The request without its ``Upgrade`` header, which a server may ignore (RFC 9110
        section 7.8), and ``rest``, which begins with its body.
        """
        lines = [b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade"]
        head = b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([head, *lines, b"", b""]) + rest

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close: the boundary of the next request is unknown."""
        cycle = self.cycle
        if cycle and not cycle.more_body and not cycle.response_complete:
            cycle.keep_alive = False  # the pending answer is sent first, and is the last one
            return
        request_id = uuid4().hex
        body = InvalidRequest(msg).body(request_id)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\ncache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
