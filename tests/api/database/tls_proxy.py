"""A proxy that takes TLS alone, and answers in records as large as TLS allows."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from tests.support.http.certificates import self_signed

# RFC 8446 section 5.1.
LARGEST_RECORD = 16_384
SSL_REQUEST_BYTES = struct.calcsize("!II")
QUIET_SECONDS = 0.01
PAUSED_BYTES = 256 * 1024


class TlsProxy:
    """It reads until the server is quiet, and pauses between the last records that it writes."""

    def __init__(self, target: tuple[str, int], context: ssl.SSLContext) -> None:
        self._target, self._context = target, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._target) as server:
            client.recv(SSL_REQUEST_BYTES)
            client.sendall(b"S")
            with self._context.wrap_socket(client, server_side=True) as encrypted:
                threading.Thread(target=_answer, args=(server, encrypted), daemon=True).start()
                while data := encrypted.recv(65_536):
                    server.sendall(data)


def _answer(server: socket.socket, encrypted: ssl.SSLSocket) -> None:
    with suppress(OSError):
        while data := server.recv(65_536):
            server.settimeout(QUIET_SECONDS)
            with suppress(TimeoutError):
                while more := server.recv(65_536):
                    data += more
            server.settimeout(None)
            for start in range(0, len(data), LARGEST_RECORD):
                encrypted.sendall(data[start : start + LARGEST_RECORD])
                if len(data) - start < PAUSED_BYTES:
                    time.sleep(0.001)


@contextmanager
def tls_proxy(url: str, folder: Path) -> Iterator[str]:
    """The URL of the database at ``url`` through such a proxy, which verifies its certificate."""
    context, certificate = self_signed(folder)
    parsed = make_url(url)
    proxy = TlsProxy((str(parsed.host), int(parsed.port or 5432)), context)
    query = {"sslmode": "verify-full", "sslrootcert": str(certificate)}
    try:
        through = parsed.set(port=proxy.port).update_query_dict(query)
        yield through.render_as_string(hide_password=False)
    finally:
        proxy.close()
