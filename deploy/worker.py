"""The gunicorn worker: uvicorn on uvloop, which drains before it stops.

uvicorn closes idle connections at once when it is told to stop; a proxy that just sent a request
on one of them gets a reset, and must not repeat a POST. So a stopping worker answers for a while
with ``Connection: close``, and closes what is idle only then.
"""

import asyncio
import signal
import socket
import sys
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from api import health
from deploy.protocol import HttpProtocol

DRAIN_SECONDS = 2.0
# Longer than any request of the API may take, shorter than gunicorn's graceful_timeout.
STOP_SECONDS = 20


class DrainingServer(Server):
    """A uvicorn server that says goodbye on every connection before it closes them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, drain, then shut down; the arbiter hears from us all the while."""
        health.drain()
        beating = asyncio.create_task(self._beat())
        try:
            for server in self.servers:
                server.close()
            await self._drain()
            await super().shutdown(sockets)
        finally:
            beating.cancel()

    async def _drain(self) -> None:
        state, loop = self.server_state, asyncio.get_running_loop()
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        end = loop.time() + DRAIN_SECONDS
        while state.connections and loop.time() < end:  # noqa: ASYNC110, nothing tells us
            await asyncio.sleep(0.05)

    async def _beat(self) -> None:
        while self.config.callback_notify:
            await self.config.callback_notify()
            await asyncio.sleep(1)


class Worker(UvicornWorker):  # type: ignore[misc]
    """``uvicorn_worker``'s worker with our protocol and our server."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": HttpProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,  # nothing here depends on the client's address or scheme
        "server_header": False,
        "timeout_graceful_shutdown": STOP_SECONDS,
    }

    async def _serve(self) -> None:
        """As the parent does, with our server."""
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, self.handle_exit, signal.SIGQUIT, None)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
