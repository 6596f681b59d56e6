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

READS, WRITES = ("GET", "HEAD", "OPTIONS"), ("POST", "PUT", "PATCH", "DELETE")
# Each worker process of nginx has connections of its own.
ATTEMPTS = 50


@pytest.fixture
def dropping(lifted: Stack) -> Iterator[str]:
    """The container that replaces the API."""
    network = f"{lifted.settings['COMPOSE_PROJECT_NAME']}_edge"
    lifted.compose("stop", "api")
    where = ("--rm", "--detach", f"--network={network}", "--network-alias=api")
    name = lifted.docker("run", *where, lifted.image, "python", "-c", DROPPING).strip()
    wait_until(lambda: lifted.status("/") == 200)
    yield name
    lifted.docker("kill", name)
    lifted.compose("start", "api")
    wait_until(lambda: lifted.status() == 200)


def test_nginx_retries_a_dropped_read_and_no_dropped_write(lifted: Stack, dropping: str) -> None:
    with httpx.Client(base_url=lifted.base_url, verify=lifted.trust()) as client:
        statuses = {method: sent_until_dropped(client, method) for method in (*READS, *WRITES)}
    wait_until(lambda: f"{WRITES[-1]} dropped" in lifted.docker("logs", dropping))
    lines = lifted.docker("logs", dropping).split("\n")

    assert {status for method in READS for status in statuses[method]} == {200}
    for method in WRITES:
        assert statuses[method][-1] == 502
        received = [line for line in lines if line.startswith(method)]
        assert received.count(f"{method} dropped") == 1
        assert len(received) == len(statuses[method])  # so none was repeated


def sent_until_dropped(client: httpx.Client, method: str) -> list[int]:
    """Send on connections that the upstream will drop; the statuses up to the first failure."""
    statuses: list[int] = []
    while len(statuses) < ATTEMPTS and statuses[-1:] != [502]:
        wait_until(lambda: client.get("/fresh").status_code == 200)
        statuses.append(client.request(method, "/").status_code)
    return statuses
