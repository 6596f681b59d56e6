"""The way of a request to the database and back: one message, one round trip."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import psycopg2
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util.concurrency import greenlet_spawn

from api import metrics, trace
from api.database import psycopg2_asyncio
from api.database.connecting import Connector
from api.database.meanings import CAUSES, meaning
from api.database.message import PREFIX, Message
from api.database.urls import async_url
from api.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from api.problem import Problem
from api.settings import Settings

FAILING_MESSAGES = 3
# After this, traffic may try again: a process out of service would never learn that it may return.
FAILING_SECONDS = 15.0
# A network that dropped the connection silently is noticed while it is idle, not by a request.
CONNECTION = {
    "application_name": "tasks-api",
    "client_encoding": "utf8",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}

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
            connect_args=CONNECTION,
        )
        self._pool = self._engine.sync_engine.pool
        self._connector = Connector(settings)
        self._connector.attach(self._engine.sync_engine)
        self._prefix = PREFIX.format(milliseconds=int(settings.statement_timeout_seconds * 1000))
        self._settings = settings
        self._failures, self._failed = 0, 0.0

    async def run(self, message: Message, owner: str, **values: Any) -> Rows:
        """Send one message as ``owner`` and return the rows of its statement.

        Raises a ``Problem``: 503 when certainly nothing was applied, 504 ``OutcomeUnknown``
        when a write was sent and no answer came.
        """
        started = perf_counter()
        parameters = {**message.defaults, **values, "owner": owner}
        try:
            rows = await greenlet_spawn(self._deliver, message, parameters)
        except Problem as problem:
            self._note_failure(problem)
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

    def _deliver(self, message: Message, parameters: Mapping[str, Any]) -> Rows:
        """Exchange the message; once more where its connection was lost and that does no harm."""
        try:
            return self._exchange(message, parameters)
        except (DatabaseUnavailable, OutcomeUnknown) as lost:
            applied_perhaps = isinstance(lost, OutcomeUnknown)
            if lost.reason != "lost" or (applied_perhaps and not message.repeatable):
                raise
            trace.current().retries += 1
            metrics.RETRIES.labels(message.name).inc()
            try:
                return self._exchange(message, parameters)
            except Problem as again:
                raise lost if applied_perhaps else again from again

    def _exchange(self, message: Message, parameters: Mapping[str, Any]) -> Rows:
        pooled = self._checkout()
        connection: Any = pooled.dbapi_connection
        try:
            self._within(self._settings.database_deadline_seconds)
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
        current, started = trace.current(), perf_counter()
        connecting = current.connect_seconds
        self._within(self._settings.connect_deadline_seconds)
        try:
            return self._from_pool()
        finally:
            elapsed = perf_counter() - started
            metrics.POOL_WAIT.observe(elapsed - (current.connect_seconds - connecting))

    def _from_pool(self) -> Any:
        """A connection, within the pool's time; while the database wakes, within that of waking."""
        while True:
            try:
                return self._pool.connect()
            except PoolTimeout as error:
                if not self._connector.is_waking() or psycopg2_asyncio.seconds_left() <= 0:
                    raise Overloaded(reason="pool_wait") from error
            except InvalidRequestError as error:  # connections that ended as soon as they were made
                raise DatabaseUnavailable(reason="connect") from error

    def _within(self, seconds: float) -> None:
        """Limit what follows, and never beyond the end of the request."""
        left = self._settings.request_deadline_seconds - trace.current().elapsed()
        psycopg2_asyncio.within(min(seconds, left))

    def _note_failure(self, problem: Problem) -> None:
        if problem.reason in CAUSES:
            metrics.UNAVAILABLE.labels(problem.reason).inc()
        if isinstance(problem, DatabaseUnavailable | OutcomeUnknown):
            # Credentials do not mend themselves.
            self._failures += FAILING_MESSAGES if problem.reason == "credentials" else 1
            self._failed = perf_counter()


@contextmanager
def _measured(message: Message) -> Iterator[None]:
    trace.current().round_trips += 1
    with metrics.POOL_USED.track_inprogress(), metrics.QUERY.labels(message.name).time():
        yield
