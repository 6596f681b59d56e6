"""Raw requests to nginx over TLS, and checks of its own errors."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse

from tests.support.http.client import MEMBERS
from tests.support.http.raw_http import TIMEOUT_SECONDS, RawResponse
from tests.support.stack.compose_stack import Stack

ORIGIN = "https://app.example.com"


def request(method: str, target: str, *lines: str, host: str = "localhost") -> bytes:
    """A request's head; the connection ends with its answer."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Origin: {ORIGIN}", *lines]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1")


@contextmanager
def connected(stack: Stack, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
    """A TLS connection; the default context verifies the stack's certificate."""
    context = context or stack.trust()
    with (
        socket.create_connection(("127.0.0.1", stack.https_port), TIMEOUT_SECONDS) as link,
        context.wrap_socket(link, server_hostname="localhost") as secured,
    ):
        yield secured


@contextmanager
def plain(port: int) -> Iterator[socket.socket]:
    """A connection without TLS."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as link:
        yield link


def answer(link: socket.socket, sent: bytes) -> RawResponse:
    """Send these bytes; the answer, with its document where it is a problem."""
    with suppress(
        BrokenPipeError, ConnectionResetError, ssl.SSLEOFError
    ):  # refused before everything was sent
        link.sendall(sent)
    with HTTPResponse(link) as response:
        response.begin()
        length = int(response.headers["content-length"])
        text = response.read(length)
        problem = "problem" in response.headers["content-type"]
        return RawResponse(response.status, response.headers, json.loads(text) if problem else {})


def got(stack: Stack, *lines: str, path: str = "/livez", host: str = "localhost") -> RawResponse:
    """The answer to a GET over TLS with these header lines."""
    with connected(stack) as link:
        return answer(link, request("GET", path, *lines, host=host))


def check_problem(got: RawResponse) -> None:
    """Check the format of an error that nginx answers itself (RFC 9457)."""
    headers, problem = got.headers, got.problem
    assert headers.get_all("content-type") == ["application/problem+json"]
    assert headers.get_all("cache-control") == ["no-store"]
    assert headers.get_all("x-content-type-options") == ["nosniff"]
    assert set(problem) == MEMBERS
    assert problem["status"] == got.status
    assert [problem["request_id"]] == headers.get_all("x-request-id")
    assert (headers["retry-after"] is not None) == (got.status in {429, 503})


def check_readable(got: RawResponse) -> None:
    """Check the CORS headers for the allowed origin (Fetch standard)."""
    assert got.headers.get_all("access-control-allow-origin") == [ORIGIN]
    assert got.headers.get_all("access-control-allow-credentials") == ["true"]
    assert "Origin" in got.headers["vary"]
    exposed = got.headers["access-control-expose-headers"]
    assert {"X-Request-ID", "Retry-After"} <= {*exposed.replace(" ", "").split(",")}
