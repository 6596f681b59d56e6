"""Many pipelined requests on one connection to a worker."""

import socket
from urllib.parse import urlsplit

import pytest

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
