"""The gunicorn worker: uvicorn on uvloop, with a drain phase before it stops.

uvicorn closes idle connections immediately on shutdown. A proxy that has just sent a request on
such a connection gets a reset, and must not repeat a POST. So a stopping worker first answers with
``Connection: close`` for ``DRAIN_SECONDS`` and closes idle connections afterwards.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn.config import Config
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from api.state import started_state
from deploy.protocol import HttpProtocol

DRAIN_SECONDS = 2.0
# Longer than the request deadline, shorter than gunicorn's graceful_timeout.
STOP_SECONDS = 20
# For uvloop to close its handles of the listeners.
CLOSE_SECONDS = 0.01


class DrainingServer(Server):
    """A uvicorn server that answers with ``Connection: close`` before it closes connections.

    It stops when its parent is another process than gunicorn's master, which was killed then.
    """

    def __init__(self, config: Config, master: int) -> None:
        super().__init__(config)
        self._master = master

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop; uvicorn asks ten times per second."""
        if os.getppid() != self._master:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, drain, then shut down; heartbeats to the arbiter continue meanwhile.

        A connection that was not yet accepted when its listener closed would be reset.
        """
        if state := started_state(self.lifespan.state):
            state.is_draining = True
        heartbeat = asyncio.create_task(self._send_heartbeats())
        try:
            listeners = [socket.socket(fileno=os.dup(s.fileno())) for s in sockets or []]
            for server in self.servers:
                server.close()
            await asyncio.sleep(CLOSE_SECONDS)
            for sock in sockets or []:
                sock.close()
            await self._serve_pending(listeners)
            await self._drain()
            await super().shutdown(sockets)
        finally:
            heartbeat.cancel()

    async def _serve_pending(self, listeners: list[socket.socket]) -> None:
        """Accept what waits, close the listeners at once, and serve the accepted connections."""
        accepted = [connection for listener in listeners for connection in _accept_all(listener)]
        for listener in listeners:
            listener.close()
        loop, state = asyncio.get_running_loop(), self.lifespan.state
        for connection in accepted:
            await loop.connect_accepted_socket(
                lambda: HttpProtocol(self.config, self.server_state, state), connection
            )

    async def _drain(self) -> None:
        state, loop = self.server_state, asyncio.get_running_loop()
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        end = loop.time() + DRAIN_SECONDS
        while state.connections and loop.time() < end:  # noqa: ASYNC110, uvicorn has no event for it
            await asyncio.sleep(0.05)

    async def _send_heartbeats(self) -> None:
        while self.config.callback_notify:
            await self.config.callback_notify()
            await asyncio.sleep(1)


def _accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    listener.settimeout(0)
    with suppress(BlockingIOError):
        while True:
            yield listener.accept()[0]


class Worker(UvicornWorker):  # type: ignore[misc]
    """``uvicorn_worker``'s worker with our protocol and our server."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": HttpProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,  # the API uses neither the client's address nor the scheme
        "server_header": False,
        "timeout_graceful_shutdown": STOP_SECONDS,
    }

    async def _serve(self) -> None:
        """Serve as the base class does, with ``DrainingServer``."""
        self.config.app = self.wsgi
        server = DrainingServer(self.config, self.ppid)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, self.handle_exit, signal.SIGQUIT, None)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
