"""Random requests of a hostile client: methods, targets, headers and sizes."""

import random
import ssl
import string
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import product

from tests.deploy.edge_client import connected, request
from tests.support.stack.compose_stack import Stack

KNOWN = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "CONNECT")
PATHS = ("/", *(f"/api/a/tasks{end}" for end in ("", "/", "/1", "/1/complete")))
HEADERS = ("Authorization", "X-Request-ID", "traceparent", "Origin", "Accept", "Cookie", "Range")
NASTY = "\"'\\<>{}|^`~%;,:@&=+$!*()[]\x7f\xff\xe9\xc3\t"
UNFINISHED = b"GET /tasks HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HUGE = 5_000_000


def plain() -> Iterator[bytes]:
    """Every known method on every task route and on an unknown path."""
    for method, path, authorization in product(
        KNOWN, PATHS, ("Basic a", "Bearer a", "Bearer a.b.c")
    ):
        yield request(method, path, f"Authorization: {authorization}")


def requests(seed: int, count: int) -> Iterator[bytes]:
    """``count`` requests, the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        head = [f"{_method(chance)} {_target(chance)} HTTP/1.1", "Host: localhost"]
        head += [f"{chance.choice(HEADERS)}: {_text(chance, 200)}" for _ in range(3)]
        yield "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1")


def _method(chance: random.Random) -> str:
    invented = "".join(chance.choices(string.ascii_uppercase, k=chance.randint(1, 60)))
    return chance.choice((*KNOWN, invented))


def _target(chance: random.Random) -> str:
    word, number = _text(chance, 40).replace("\t", ""), chance.randint(-9, 10**20)
    begin = chance.choice(("/", "/api/", "//", "/livez/", "/metrics/", "/docs/", "http://x/"))
    end = chance.choice(
        ("", f"/tasks/{number}", "/tasks", "/tasks?search=secret", "/" + "y" * 6000)
    )
    return f"{begin}{word}{end}"


def _text(chance: random.Random, most: int) -> str:
    letters = string.ascii_letters + string.digits + NASTY
    return "".join(chance.choices(letters, k=chance.randint(1, most)))


def send(stack: Stack, *sent: bytes) -> list[bytes]:
    """Send each on a connection of its own; the first bytes of each answer, empty without one."""
    return [_answer(stack, one) for one in sent]


def _answer(stack: Stack, sent: bytes) -> bytes:
    begin = b""
    with connected(stack) as link:
        with suppress(OSError, ssl.SSLError):  # refused before everything was sent
            link.sendall(sent)
        with suppress(OSError, ssl.SSLError):
            begin = link.recv(12)
    return begin


def huge() -> bytes:
    """A header of five megabytes."""
    return b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * HUGE + b"\r\n\r\n"


@contextmanager
def slow(stack: Stack, clients: int) -> Iterator[None]:
    """``clients`` connections with an unfinished request each."""
    with ExitStack() as open_:
        links = [open_.enter_context(connected(stack)) for _ in range(clients)]
        for link in links:
            link.sendall(UNFINISHED)
        yield
