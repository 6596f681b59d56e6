"""psycopg2 on an event loop, without threads: ``postgresql+psycopg2_asyncio://``.

psycopg2 has a wait callback for coroutine libraries; SQLAlchemy's asyncio layer runs synchronous
code in a greenlet that can await. Together they make a driver: the callback awaits the socket.

The callback is also where time is limited. No option of libpq bounds a server that accepts and
then says nothing, so every wait ends at the deadline that the caller set with ``within``.
"""

import asyncio
import functools
import ipaddress
import socket
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.concurrency import await_, in_greenlet

DEFAULT_SECONDS = 5.0

_deadline: ContextVar[float] = ContextVar("deadline")


def within(seconds: float) -> None:
    """Let every wait for the server from here on end ``seconds`` from now, with TimeoutError."""
    _deadline.set(asyncio.get_running_loop().time() + seconds)


def seconds_left() -> float:
    """Until the deadline that ``within`` set."""
    return _deadline.get() - asyncio.get_running_loop().time()


def wait(connection: Any) -> None:
    """psycopg2's wait callback: await the socket in a greenlet, block in any other place.

    An exception makes psycopg2 close the connection: what it would say next is lost.
    """
    if not in_greenlet():
        psycopg2.extras.wait_select(connection)
        return
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        await_(_ready(connection.fileno(), writing=state == psycopg2.extensions.POLL_WRITE))


async def _ready(descriptor: int, *, writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    add, remove = (
        (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    )
    add(descriptor, _settle, ready)
    timer = loop.call_at(_end(loop), _expire, ready)
    try:
        await ready
    finally:
        timer.cancel()
        remove(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _expire(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_exception(TimeoutError())


def _end(loop: asyncio.AbstractEventLoop) -> float:
    return _deadline.get(loop.time() + DEFAULT_SECONDS)


async def _resolve(host: str, port: int) -> list[str]:
    """The host's addresses, without blocking the loop as libpq would."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout_at(_end(loop)):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and not host.startswith("/") and "," not in host
    return False


class Cursor(psycopg2.extensions.cursor):
    """What SQLAlchemy's asyncio layer asks of a cursor beyond the DBAPI."""

    server_side = False

    async def _async_soft_close(self) -> None:
        """Rows are read on: closing here would lose them."""


class Dialect(PGDialect_psycopg2):
    """SQLAlchemy's psycopg2 dialect, awaited."""

    driver = "psycopg2_asyncio"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, _url: object) -> type[AsyncAdaptedQueuePool]:
        return AsyncAdaptedQueuePool

    def initialize(self, connection: object) -> None:
        """Nothing is asked of the server: every round trip belongs to a request."""

    def on_connect(self) -> None:
        """Nothing is set up by statements either."""

    def connect(self, *arguments: Any, **parameters: Any) -> Any:
        host = str(parameters.get("host", ""))
        if in_greenlet() and _is_name(host):
            addresses = await_(_resolve(host, int(parameters.get("port", 5432))))
            # The name stays beside each address, for SNI and for verify-full.
            parameters["host"] = ",".join([host] * len(addresses))
            parameters["hostaddr"] = ",".join(addresses)
        return super().connect(*arguments, cursor_factory=Cursor, **parameters)


@functools.cache
def install() -> None:
    """Register the dialect and the callback, once per process."""
    registry.register("postgresql.psycopg2_asyncio", __name__, "Dialect")
    set_wait_callback: Callable[[Any], None] = psycopg2.extensions.set_wait_callback
    set_wait_callback(wait)
