"""A proxy in front of PostgreSQL that counts what the API sends."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104


class CountingProxy:
    """``messages`` are the texts of all queries, in order; ``round_trips`` counts the answers that
    the client waits for, in either of the two protocols.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.messages: list[str] = []
        self.connections = self.round_trips = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            with suppress(OSError):
                self._forward(client, server)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with client.makefile("rb") as stream:
            while self._start_up(stream.read(4), stream.read, server):
                pass
            while head := stream.read(5):
                body = stream.read(struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] in b"QPBE":  # simple query, and the extended protocol's steps
                    self.messages.append(body.rstrip(b"\x00").decode("utf-8", "replace"))
                self.round_trips += head[:1] in b"QSH"  # simple query, sync, flush
                server.sendall(head + body)

    @staticmethod
    def _start_up(head: bytes, read: Callable[[int], bytes], server: socket.socket) -> bool:
        """Pass one untyped packet on; whether another one follows."""
        body = read(struct.unpack("!I", head)[0] - 4)
        server.sendall(head + body)
        return struct.unpack("!I", body[:4])[0] in {SSL_REQUEST, GSS_REQUEST}


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def counting(url: str) -> Iterator[tuple[CountingProxy, str]]:
    """A proxy in front of the database at ``url``, and the URL through it."""
    parsed = make_url(url)
    proxy = CountingProxy((str(parsed.host), int(parsed.port or 5432)))
    try:
        yield proxy, parsed.set(port=proxy.port).render_as_string(hide_password=False)
    finally:
        proxy.close()
