"""What a hostile user sends through nginx, each as long as ``Attacker.done`` is not set.

Every attacker has an address of its own and stays within nginx's limits, or is refused by them.
"""

import json
import os
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle
from uuid import uuid4

import httpx2 as httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.stack.compose_stack import Stack

TIMEOUT_SECONDS = 30
THREADS = 16
CONNECTIONS = 45  # nginx allows 50 per address
PIPELINED = 900
SMALL_BUFFER = 4096
LARGEST_CHARACTER = "\U0001f600"
BATCH_TASKS = 50
SPELLINGS = ("Bearer ", "bearer ", "BEARER ", "BeArEr  ", "Bearer   ")
SEARCH = " ".join("a" * length + "b" for length in range(13, 23))
# One user's tasks are as costly to search as possible, the other's as large as possible.
TASKS = """
INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('{user}', 'a', '{user}@b.c', false);
INSERT INTO task_clock (user_id, at, purged, live) VALUES ('{user}', now(), now(), 1000);
INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)
SELECT '{user}', 'task', repeat('{character}', 5000), 'low', '{{}}', n
FROM generate_series(1, 1000) n;
"""


@dataclass(frozen=True)
class Attacker:
    """A user who attacks; ``statuses`` counts the responses, 0 for a request without one."""

    stack: Stack
    user: str
    token: str
    address: str
    done: threading.Event = field(default_factory=threading.Event)
    statuses: Counter[int] = field(default_factory=Counter)

    def client(self) -> httpx.Client:
        """A client of this user at this address."""
        return httpx.Client(
            base_url=f"{self.stack.base_url}/api/{self.user}",
            headers={"Authorization": f"Bearer {self.token}", "X-Forwarded-For": self.address},
            verify=self.stack.trust(),
            timeout=TIMEOUT_SECONDS,
        )

    def head(self, method: str, query: str = "", *lines: str) -> bytes:
        """The head of a request for the user's tasks."""
        head = [f"{method} /api/{self.user}/tasks{query} HTTP/1.1", "Host: localhost"]
        head += [f"Authorization: Bearer {self.token}", f"X-Forwarded-For: {self.address}", *lines]
        return "\r\n".join([*head, "", ""]).encode()

    def connect(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """A TLS connection whose receive buffer is small."""
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        link.settimeout(TIMEOUT_SECONDS)
        link.connect(("127.0.0.1", self.stack.https_port))
        return context.wrap_socket(link, server_hostname="localhost")

    def flood(
        self, per_second: float, send: Callable[[httpx.Client], httpx.Response], threads: int
    ) -> None:
        """Send at this rate on so many threads, or more slowly if responses take long."""
        free = threading.Semaphore(threads)

        def once(client: httpx.Client) -> None:
            be_nice()
            try:
                self.statuses[send(client).status_code] += 1
            except httpx.TransportError:
                self.statuses[0] += 1
            finally:
                free.release()

        with self.client() as client, ThreadPoolExecutor(threads) as pool:
            while not self.done.wait(1 / per_second):
                if free.acquire(timeout=1):
                    pool.submit(once, client)


def be_nice() -> None:
    """Let the server have the CPU: an attacker's work is done on another machine."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def hostile_search(attacker: Attacker) -> None:
    """Ten words that almost occur in 1,000 tasks of 5,000 characters."""
    attacker.flood(15, lambda c: c.get("/tasks", params={"search": SEARCH}), THREADS)


def largest_lists(attacker: Attacker) -> None:
    """Twelve lists at once of 1,000 tasks of 5,000 characters of four bytes."""
    attacker.flood(15, lambda client: client.get("/tasks"), 12)


def largest_batches(attacker: Attacker) -> None:
    """Batches of almost 1 MiB, which change the longest tasks."""
    with attacker.client() as client:
        while not (listed := client.get("/tasks?limit=100")).is_success:
            if attacker.done.wait(1):
                return
    ids = [task["id"] for task in listed.json()]
    changes = {"description": LARGEST_CHARACTER * 5000}
    batch = {
        "operations": [{"op": "update", "id": n, "changes": changes} for n in ids[:BATCH_TASKS]]
    }
    body = json.dumps(batch, ensure_ascii=False).encode()
    kind = {"Content-Type": "application/json"}
    attacker.flood(15, lambda c: c.post("/tasks/batch", content=body, headers=kind), THREADS)


def unread_responses(attacker: Attacker) -> None:
    """Connections that ask for the largest list and never read the response."""
    context = attacker.stack.trust()
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            link = opened.enter_context(attacker.connect(context))
            link.sendall(attacker.head("GET"))
            attacker.done.wait(0.06)
        attacker.done.wait()
        attacker.statuses[0] += CONNECTIONS


def respelled_token(attacker: Attacker) -> None:
    """One token whose authentication scheme is spelled in several ways."""
    spellings = cycle(SPELLINGS)

    def send(client: httpx.Client) -> httpx.Response:
        headers = {"Authorization": next(spellings) + attacker.token}
        return client.get("/tasks", params={"limit": 1}, headers=headers)

    attacker.flood(45, send, THREADS)


def unfinished_bodies(attacker: Attacker) -> None:
    """Connections whose request bodies arrive at one byte per second."""
    context = attacker.stack.trust()
    head = attacker.head("POST", "", "Content-Type: application/json", "Content-Length: 60000")
    with ExitStack() as opened:
        links = [opened.enter_context(attacker.connect(context)) for _ in range(CONNECTIONS)]
        for link in links:
            link.sendall(head + b'{"title":')
        while not attacker.done.wait(1):
            for link in links:
                with suppress(OSError):
                    link.sendall(b" ")
        attacker.statuses[0] += CONNECTIONS


def pipelined_upgrades(attacker: Attacker) -> None:
    """Pipelines of 900 requests that ask to upgrade, on one connection after the other."""
    context = attacker.stack.trust()
    one = attacker.head("GET", "?limit=1", "Connection: Upgrade, keep-alive", "Upgrade: websocket")
    while not attacker.done.is_set():
        with (
            suppress(OSError),
            ThreadPoolExecutor(1) as pool,
            attacker.connect(context) as link,
        ):
            pool.submit(_send, link, one * PIPELINED)
            for status in _statuses(link, attacker.done):
                attacker.statuses[status] += 1
        attacker.done.wait(1)


def unknown_keys(attacker: Attacker) -> None:
    """Tokens of key ids that no issuer has published."""
    key = Ed25519PrivateKey.generate()
    claims = {"sub": attacker.user, "exp": int(time.time()) + 600}

    def send(client: httpx.Client) -> httpx.Response:
        forged = jwt.encode(claims, key, "EdDSA", {"kid": uuid4().hex})
        return client.get("/tasks", headers={"Authorization": f"Bearer {forged}"})

    attacker.flood(45, send, THREADS)


def _send(link: ssl.SSLSocket, data: bytes) -> None:
    be_nice()
    with suppress(OSError):
        link.sendall(data)


def _statuses(link: ssl.SSLSocket, done: threading.Event) -> Iterator[int]:
    """The statuses of the responses on this connection, until it ends or is silent."""
    link.settimeout(2)
    rest = b""
    with suppress(OSError):
        while not done.is_set() and (data := link.recv(65536)):
            rest += data
            lines = [*re.finditer(rb"HTTP/1\.1 (\d{3}) ", rest)]
            yield from (int(line[1]) for line in lines)
            rest = rest[max((line.end() for line in lines), default=0) :][-20:]


ATTACKS: dict[str, Callable[[Attacker], None]] = {
    "hostile search": hostile_search,
    "largest lists": largest_lists,
    "largest batches": largest_batches,
    "unread responses": unread_responses,
    "respelled token": respelled_token,
    "unfinished bodies": unfinished_bodies,
    "pipelined upgrades": pipelined_upgrades,
    "unknown key ids": unknown_keys,
}


def run(name: str, attacker: Attacker) -> None:
    """Attack until ``attacker.done`` is set."""
    be_nice()
    ATTACKS[name](attacker)
