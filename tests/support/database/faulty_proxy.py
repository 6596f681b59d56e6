"""A gate before PostgreSQL, as the proxy of a serverless one: it holds, delays, cuts and counts."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

# The server is ready for the next message: what the last one did is committed.
READY = b"Z\x00\x00\x00\x05I"


def never(_message: bytes) -> bool:
    """Swallow nothing."""
    return False


class Gate:
    """``attempts`` are the times of all connections.

    A connection passes once ``hold`` returns, and ends at once while ``refuses``. Every turn of
    the client takes ``delay`` longer. The answer to a message that ``swallows`` says yes to never
    arrives: ``swallowed`` is called when the server has done its part, and the connection ends.
    Nothing passes in either direction unless it ``flows``; ``abandon`` keeps it so for good for
    the connections that there are.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.attempts: list[float] = []
        self.turns = 0
        self.delay = 0.0
        self.refuses = False
        self.hold: Callable[[], object] = lambda: None
        self.swallows: Callable[[bytes], bool] = never
        self.swallowed: Callable[[], object] = lambda: None
        self.flows = threading.Event()
        self.flows.set()
        self._target = target
        self._doomed: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def abandon(self) -> None:
        """Lose every connection without a word, as a network does; new ones pass."""
        self.flows.clear()
        self.flows = threading.Event()
        self.flows.set()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.attempts.append(time.monotonic())
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            self.hold()
            if self.refuses:
                return
            with suppress(OSError), socket.create_connection(self._target) as server:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
                back.start()
                self._ask(client, server)
                back.join()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        flows = self.flows
        with suppress(OSError):
            while data := client.recv(65536):
                self.turns += 1
                time.sleep(self.delay)
                flows.wait()
                if data[:1] == b"Q" and self.swallows(data):
                    self._doomed.add(client)
                server.sendall(data)
        _end(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        flows = self.flows
        with suppress(OSError):
            while data := server.recv(65536):
                flows.wait()
                if client not in self._doomed:
                    client.sendall(data)
                elif data.endswith(READY):
                    self.swallowed()
                    break
        self._doomed.discard(client)
        _end(client)
        _end(server)


def _end(link: socket.socket) -> None:
    with suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)


@contextmanager
def gate(url: str) -> Iterator[tuple[Gate, str]]:
    """A gate before the database at ``url``, and the URL through it."""
    parsed = make_url(url)
    made = Gate((str(parsed.host), int(parsed.port or 5432)))
    try:
        yield made, parsed.set(port=made.port).render_as_string(hide_password=False)
    finally:
        made.close()


@contextmanager
def silent(proxy: Gate) -> Iterator[None]:
    """Connections are taken, nothing passes, and nobody says so."""
    proxy.flows.clear()
    try:
        yield
    finally:
        proxy.flows.set()


class Sleeper:
    """Holds connections while a database sleeps; the first one wakes it."""

    def __init__(self, seconds: float, wake: Callable[[], object]) -> None:
        self._seconds, self._wake = seconds, wake
        self._awake = threading.Event()
        self._lock = threading.Lock()
        self._woken = False

    def __call__(self) -> None:
        with self._lock:
            first, self._woken = not self._woken, True
        if first:
            time.sleep(self._seconds)
            self._wake()
            self._awake.set()
        self.join()

    def join(self) -> None:
        """Wait until it is awake, if anybody woke it."""
        if self._woken:
            self._awake.wait()
