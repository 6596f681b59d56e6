"""A TCP proxy in front of PostgreSQL that delays, drops and refuses connections on request."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

# The server is ready for the next message: what the last one did is committed.
READY = b"Z\x00\x00\x00\x05I"


def drop_nothing(_message: bytes) -> bool:
    """Let every answer through."""
    return False


class FaultyProxy:
    """A proxy whose faults are set by its attributes.

    - ``connection_times``: when each connection was accepted, in seconds of the monotonic clock.
    - ``before_connecting``: called with each new connection; the connection passes on return.
    - ``refuse_connections``: close new connections at once.
    - ``delay``: seconds added to each message of the client; ``client_messages`` counts them.
    - ``drops_answer_to``: whether the answer to this message is dropped. The server completes
      the statement, ``on_dropped_answer`` is called, and the connection is closed.
    - ``farewell``: what the server says before it ends the connection: in place of a dropped
      answer, else in the same packet as its next one. Then the connection ends with the client's
      next message.
    - ``traffic_flows``: while it is cleared, no byte passes in either direction.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.connection_times: list[float] = []
        self.client_messages = 0
        self.delay = 0.0
        self.refuse_connections = False
        self.before_connecting: Callable[[], object] = lambda: None
        self.drops_answer_to: Callable[[bytes], bool] = drop_nothing
        self.on_dropped_answer: Callable[[], object] = lambda: None
        self.farewell = b""
        self.traffic_flows = threading.Event()
        self.traffic_flows.set()
        self._target = target
        self._doomed: set[socket.socket] = set()
        self._ended: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def blackhole_connections(self) -> None:
        """Drop all bytes of the present connections for good; new connections pass."""
        self.traffic_flows.clear()
        self.traffic_flows = threading.Event()
        self.traffic_flows.set()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connection_times.append(time.monotonic())
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            self.before_connecting()
            if self.refuse_connections:
                return
            with suppress(OSError), socket.create_connection(self._target) as server:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
                back.start()
                self._ask(client, server)
                back.join()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        flows = self.traffic_flows
        with suppress(OSError):
            while (data := client.recv(65536)) and client not in self._ended:
                self.client_messages += 1
                time.sleep(self.delay)
                flows.wait()
                if data[:1] == b"Q" and self.drops_answer_to(data):
                    self._doomed.add(client)
                server.sendall(data)
        _end(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        flows = self.traffic_flows
        with suppress(OSError):
            while data := server.recv(65536):
                flows.wait()
                farewell = b""
                if data.endswith(READY):
                    farewell, self.farewell = self.farewell, b""
                if client not in self._doomed:
                    if farewell:
                        self._ended.add(client)
                    client.sendall(data + farewell)
                elif data.endswith(READY):
                    client.sendall(farewell)
                    self.on_dropped_answer()
                    break
        self._doomed.discard(client)
        self._ended.discard(client)
        _end(client)
        _end(server)


def _end(link: socket.socket) -> None:
    with suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty_proxy(url: str) -> Iterator[tuple[FaultyProxy, str]]:
    """A proxy in front of the database at ``url``, and the URL through the proxy."""
    parsed = make_url(url)
    made = FaultyProxy((str(parsed.host), int(parsed.port or 5432)))
    try:
        yield made, parsed.set(port=made.port).render_as_string(hide_password=False)
    finally:
        made.close()


@contextmanager
def silenced(proxy: FaultyProxy) -> Iterator[None]:
    """Accept connections and pass no bytes until the block ends."""
    proxy.traffic_flows.clear()
    try:
        yield
    finally:
        proxy.traffic_flows.set()


class ColdStart:
    """Delays connections while a database starts; the first connection starts it."""

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
        """Wait until the database is up, if a connection has started it."""
        if self._woken:
            self._awake.wait()
