"""An upstream that drops requests: nginx retries reads and no writes."""

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

# Answers the first request of each connection, and closes it at the second one without an answer.
DROPPING = """
import socket, threading
def serve(link):
    for answer in (b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n", b""):
        head = link.recv(65536)
        print(head.split(b" ")[0].decode(), "answered" if answer else "dropped", flush=True)
        link.sendall(answer)
    link.close()
with socket.create_server(("", 8000)) as server:
    while True:
        threading.Thread(target=serve, args=server.accept()[:1]).start()
"""


@pytest.fixture
def dropping(lifted: Stack) -> Iterator[str]:
    """The container that replaces the API."""
    network = f"{lifted.settings['COMPOSE_PROJECT_NAME']}_edge"
    lifted.compose("stop", "api")
    where = ("--rm", "--detach", f"--network={network}", "--network-alias=api")
    name = lifted.docker("run", *where, "tasks-api", "python", "-c", DROPPING).strip()
    wait_until(lambda: lifted.status("/") == 200)
    yield name
    lifted.docker("kill", name)
    lifted.compose("start", "api")
    wait_until(lambda: lifted.status() == 200)


def test_nginx_retries_a_dropped_read_and_no_dropped_write(lifted: Stack, dropping: str) -> None:
    with httpx.Client(base_url=lifted.base_url, verify=lifted.trust()) as client:
        statuses = {}
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            wait_until(lambda: client.get("/fresh").status_code == 200)
            statuses[method] = client.request(method, "/").status_code
    said = lifted.docker("logs", dropping).split("\n")

    assert statuses == dict.fromkeys(("GET", "HEAD", "OPTIONS"), 200) | dict.fromkeys(
        ("POST", "PUT", "PATCH", "DELETE"), 502
    )
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert [line for line in said if line.startswith(method)] == [f"{method} dropped"]
