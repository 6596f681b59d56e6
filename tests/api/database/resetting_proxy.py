"""A proxy that passes half of an answer on, and resets the connection."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

# Close with a reset (RST) in place of an end (FIN); socket(7), SO_LINGER.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
SIMPLE_QUERY = b"Q"


@contextmanager
def resetting_proxy(url: str) -> Iterator[str]:
    """The URL of the database at ``url`` through such a proxy; logins pass."""
    parsed = make_url(url)
    target = str(parsed.host), int(parsed.port or 5432)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, target), daemon=True).start()
        port = listener.getsockname()[1]
        yield parsed.set(port=port).render_as_string(hide_password=False)
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, target), daemon=True).start()


def _serve(client: socket.socket, target: tuple[str, int]) -> None:
    with suppress(OSError), client, socket.create_connection(target) as server:
        while data := client.recv(65_536):
            server.sendall(data)
            answer = server.recv(65_536)
            if data[:1] != SIMPLE_QUERY:
                client.sendall(answer)
                continue
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.sendall(answer[: len(answer) // 2])
            return
