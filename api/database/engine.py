"""The way of a request to the database and back: one message, one round trip."""

import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import psycopg2
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util.concurrency import greenlet_spawn

from api import metrics, trace
from api.database import psycopg2_asyncio
from api.database.meanings import meaning
from api.database.message import PREFIX, Message
from api.database.urls import async_url
from api.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from api.settings import Settings

# A new connection takes some round trips; one that takes longer woke a sleeping database.
COLD_SECONDS = 0.3
FAILING_MESSAGES = 3
# After this, traffic may try again: a process out of service would never learn that it may return.
FAILING_SECONDS = 15.0

Rows = list[tuple[Any, ...]]


class Database:
    """A pool of connections to one database, and the one way to use them."""

    def __init__(self, settings: Settings) -> None:
        psycopg2_asyncio.install()
        self._engine = create_async_engine(
            async_url(settings),
            isolation_level="AUTOCOMMIT",
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.pool_wait_seconds,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            connect_args={"application_name": "tasks-api", "client_encoding": "utf8"},
        )
        self._pool = self._engine.sync_engine.pool
        event.listen(self._pool, "checkout", _check_alive)
        event.listen(self._engine.sync_engine, "do_connect", _connect)
        self._prefix = PREFIX.format(milliseconds=int(settings.statement_timeout_seconds * 1000))
        self._connect_deadline = settings.connect_deadline_seconds
        self._deadline = settings.database_deadline_seconds
        self._failures, self._failed = 0, 0.0

    async def run(self, message: Message, owner: str, **values: Any) -> Rows:
        """Send one message as ``owner`` and return the rows of its statement.

        Raises a ``Problem``: 503 when certainly nothing was applied, 504 ``OutcomeUnknown``
        when a write was sent and no answer came.
        """
        started = perf_counter()
        parameters = {**message.defaults, **values, "owner": owner}
        try:
            rows = await greenlet_spawn(self._exchange, message, parameters)
        except (DatabaseUnavailable, OutcomeUnknown):
            self._failures, self._failed = self._failures + 1, perf_counter()
            raise
        finally:
            trace.current().database_seconds += perf_counter() - started
        self._failures = 0
        return rows

    def is_failing(self) -> bool:
        """Whether the last messages failed, and not long ago; nothing is sent to find out."""
        recent = perf_counter() - self._failed < FAILING_SECONDS
        return recent and self._failures >= FAILING_MESSAGES

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    def _exchange(self, message: Message, parameters: Mapping[str, Any]) -> Rows:
        pooled = self._checkout()
        connection: Any = pooled.dbapi_connection
        try:
            psycopg2_asyncio.within(self._deadline)
            with connection.cursor() as cursor, _measured(message):
                cursor.execute(self._prefix + message.text, parameters)
                rows: Rows = cursor.fetchall()
                return rows
        except (psycopg2.Error, TimeoutError) as error:
            raise meaning(error, message, lost=connection.closed != 0) from error
        finally:
            if connection.closed:
                pooled.invalidate()
            pooled.close()

    def _checkout(self) -> Any:
        psycopg2_asyncio.within(self._connect_deadline)
        try:
            with metrics.POOL_WAIT.time():
                return self._pool.connect()
        except PoolTimeout as error:
            raise Overloaded(reason="pool_wait") from error
        except (psycopg2.Error, OSError) as error:
            raise DatabaseUnavailable(reason="connect") from error


@contextmanager
def _measured(message: Message) -> Iterator[None]:
    trace.current().round_trips += 1
    with metrics.POOL_USED.track_inprogress(), metrics.QUERY.labels(message.name).time():
        yield


def _connect(dialect: Any, _record: object, arguments: Any, parameters: Any) -> Any:
    """In place of the dialect's own connect: the same, counted and timed."""
    started = perf_counter()
    try:
        connection = dialect.connect(*arguments, **parameters)
    except Exception:
        metrics.CONNECTS.labels("failed").inc()
        raise
    seconds = perf_counter() - started
    metrics.CONNECTS.labels("ok").inc()
    metrics.CONNECT.observe(seconds)
    if seconds > COLD_SECONDS:
        metrics.COLD_STARTS.inc()
    return connection


def _check_alive(connection: Any, _record: object, _proxy: object) -> None:
    """At checkout: an idle connection has nothing to say, unless it has ended."""
    poll = select.poll()
    poll.register(connection.fileno() if not connection.closed else -1, select.POLLIN)
    if connection.closed or poll.poll(0):
        raise DisconnectionError
