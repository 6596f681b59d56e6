"""Many pipelined requests on one connection to a worker."""

import socket
from collections.abc import Collection
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from deploy.protocol import HttpProtocol
from tests.support.http.server import make_settings, serve

REQUESTS = 900
UPGRADE = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
PLAIN = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("request_", [UPGRADE, PLAIN], ids=["upgrade", "plain"])
def test_every_pipelined_request_is_answered(base_url: str, request_: bytes) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), 30) as connection:
        connection.sendall(request_ * REQUESTS + LAST)
        received = bytearray()
        while part := connection.recv(65536):
            received += part

    assert received.count(b"HTTP/1.1 200 OK\r\n") == REQUESTS + 1


# A limit varies by a fifth. Of 300 requests, how many may be the last ones of their connections.
LIMITS = [("REQUESTS", 10, range(25, 38)), ("SECONDS", 0.0, [300])]


@pytest.mark.parametrize(("limit", "value", "ends"), LIMITS)
def test_a_kept_connection_ends_after_its_limit_without_a_lost_request(
    *,
    limit: str,
    value: float,
    ends: Collection[int],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(HttpProtocol, f"CONNECTION_{limit}", value)
    closed = 0
    with (
        serve(make_settings(database_url=database_url)) as base,
        httpx.Client(base_url=base) as client,
    ):
        for _ in range(300):
            answer = client.get("/livez")
            assert answer.status_code == 200
            closed += answer.headers.get("connection") == "close"

    assert closed in ends


def test_pipelined_requests_are_answered_beyond_the_limit_of_a_connection(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpProtocol, "CONNECTION_REQUESTS", 1)
    test_every_pipelined_request_is_answered(base_url, PLAIN)
