"""Clients that do not read their responses: memory, the in-flight limit and other users."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from deploy.backpressure import STALL_SECONDS
from tests.support.http.client import User
from tests.support.http.gunicorn import Gunicorn, gunicorn
from tests.support.observability.metrics import scrape, total
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS, FEW = 100, 8
MEBIBYTE = 1024 * 1024
# Just below the 1 MiB of a page, with ids of any length.
TASKS, DESCRIPTION = 190, "d" * 5000


def memory(server: Gunicorn) -> int:
    """Resident bytes of both workers."""
    pages = (int(Path(f"/proc/{n}/statm").read_text().split()[1]) for n in server.workers())
    return sum(pages) * 4096


def metric(server: Gunicorn, name: str) -> float:
    """The sum of a metric over both workers."""
    return total(scrape(server.base), f"tasks_api_{name}")


@contextmanager
def unread(base: str, request: bytes) -> Iterator[socket.socket]:
    """A client that sends a request and reads nothing.

    A small segment size and receive buffer keep the kernel from taking megabytes on loopback.
    """
    url = httpx.URL(base)
    with socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((url.host, url.port))
        client.sendall(request)
        yield client


def list_request(user: User) -> bytes:
    """The request for the first page."""
    authorization = user.headers["Authorization"]
    return (
        f"GET {user.tasks} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n".encode()
    )


def test_unread_responses_stay_in_flight_and_are_cut_off(database_url: str) -> None:
    patient = {"POOL_WAIT_SECONDS": "10", "CONNECT_DEADLINE_SECONDS": "10"}
    with (
        gunicorn(database_url, 0, **patient) as server,
        User(server.base, "unread") as user,
        ExitStack() as hung,
    ):
        for number in range(TASKS):
            user.add(f"task {number}", description=DESCRIPTION)
        # Every connection of both pools serves pages before, and grows libpq's buffer for them.
        with ThreadPoolExecutor(20) as pool:
            pages = [*pool.map(lambda _: len(user.get(user.tasks).json()), range(200))]
        before, open_files = memory(server), metric(server, "open_files")
        request = list_request(user)
        clients = [hung.enter_context(unread(server.base, request)) for _ in range(CLIENTS)]
        wait_until(lambda: metric(server, "in_flight") == CLIENTS)
        wait_until(lambda: metric(server, "db_pool_used") == 0)
        held = memory(server)
        others = {user.get(f"{user.tasks}?limit=1").status_code for _ in range(20)}
        wait_until(lambda: metric(server, "in_flight") == 0)
        wait_until(lambda: metric(server, "open_files") <= open_files + 5)
        time.sleep(10)
        after = memory(server)
        print(*(f"{n / MEBIBYTE:.0f} MiB" for n in (before, held, after)), "before, hung, after")

        assert set(pages) == {TASKS}
        assert len(clients) == CLIENTS
        assert others == {200}
        assert held - before <= 150 * MEBIBYTE
        assert after - before <= 50 * MEBIBYTE


def test_unread_responses_of_one_user_leave_others_served(database_url: str) -> None:
    settings = {"WORKERS": "1", "MAX_IN_FLIGHT": f"{FEW}"}
    with (
        gunicorn(database_url, 0, **settings) as server,
        User(server.base, "unread") as user,
        User(server.base, "other") as other,
        ExitStack() as hung,
    ):
        for number in range(TASKS):
            user.add(f"task {number}", description=DESCRIPTION)
        for _ in range(FEW):
            hung.enter_context(unread(server.base, list_request(user)))
        wait_until(lambda: metric(server, "in_flight") == FEW / 2)
        refused = user.get(user.tasks)
        short = user.get(f"{user.tasks}?limit=1").status_code
        others = {other.get(other.tasks).status_code for _ in range(20)}

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert short == 200
    assert others == {200}


def test_a_slow_client_that_reads_is_not_cut_off(database_url: str) -> None:
    with gunicorn(database_url) as server, User(server.base, "slow") as user:
        for number in range(20):
            user.add(f"task {number}", description=DESCRIPTION)
        with unread(server.base, list_request(user)) as client:
            end, received = time.monotonic() + 1.5 * STALL_SECONDS, b""
            while time.monotonic() < end:
                received += client.recv(1000)
                time.sleep(0.6)
            client.settimeout(10)
            while not received.endswith(b"]"):
                received += client.recv(65536)

    assert received.startswith(b"HTTP/1.1 200")
