"""The connections of one worker: made when needed, checked without a round trip, replaced."""

import asyncio
import select
from enum import StrEnum
from time import monotonic, perf_counter
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util.concurrency import await_

from api.config.settings import Settings
from api.database import psycopg2_asyncio
from api.database.connector import Connector
from api.database.deadlines import limit
from api.database.urls import async_url
from api.telemetry import metrics, request_context

# A network that dropped the connection silently is noticed while it is idle, not by a request.
CONNECTION = {
    "application_name": "tasks-api",
    "client_encoding": "utf8",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


class StaleReason(StrEnum):
    """Why an idle connection is replaced instead of used again."""

    ENDED = "ended"  # the server closed it
    IDLE = "idle"  # it was idle for longer than the configured time
    SILENT = "silent"  # a connection of the same age gave no answer


class Pool:
    """What ``take`` gives, ``give_back`` must get."""

    def __init__(self, settings: Settings) -> None:
        psycopg2_asyncio.install()
        self._engine = create_async_engine(
            async_url(settings),
            isolation_level="AUTOCOMMIT",
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            connect_args=CONNECTION,
        )
        self._pool: Any = self._engine.sync_engine.pool
        self.connector = Connector(settings)
        # SQLAlchemy's pool gives a connection to whoever asks first, not to whoever waits longest.
        self._turns = asyncio.Semaphore(settings.pool_size)
        self._settings = settings
        self._distrusted = 0.0
        event.listen(self._engine.sync_engine, "do_connect", self.connector.connect)
        event.listen(self._pool, "checkin", _note_time)
        event.listen(self._pool, "checkout", self._check_alive)

    def take(self) -> Any:
        """A connection, within the pool's time; while the database wakes, within that of waking."""
        current, started = request_context.current(), perf_counter()
        connecting = current.connect_seconds
        limit(self._settings, self._settings.connect_deadline_seconds)
        try:
            self._await_turn()
            return self._connect()
        finally:
            elapsed = perf_counter() - started
            metrics.POOL_WAIT.observe(elapsed - (current.connect_seconds - connecting))

    def give_back(self, pooled: Any) -> None:
        """For the next message; or for good, when it has ended."""
        try:
            if pooled.dbapi_connection.closed:
                pooled.invalidate()
            pooled.close()
        finally:
            self._turns.release()

    def distrust_idle(self) -> None:
        """Replace what is idle now before it is used: one of them did not answer.

        A network that lost one connection without a word has probably lost the others.
        """
        self._distrusted = monotonic()

    def in_use(self) -> int:
        """Connections that are taken, or being made."""
        return int(self._pool.checkedout())

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    def _await_turn(self) -> None:
        while self._turns.locked():
            try:
                await_(self._turn())
            except TimeoutError:
                self.connector.check_waiting()
            else:
                return
        await_(self._turns.acquire())

    async def _turn(self) -> None:
        async with asyncio.timeout(self._settings.pool_wait_seconds):
            await self._turns.acquire()

    def _connect(self) -> Any:
        try:
            return self._pool.connect()
        except BaseException:
            self._turns.release()
            raise

    def _check_alive(self, connection: Any, record: Any, _proxy: object) -> None:
        """At checkout: an idle connection has nothing to say, unless it has ended."""
        since = record.info.pop("idle_since", None)
        if since is not None and (reason := self._flaw(connection, since)):
            metrics.RECONNECTS.labels(reason).inc()
            request_context.current().reconnects += 1
            raise DisconnectionError

    def _flaw(self, connection: Any, since: float) -> StaleReason | None:
        if has_ended(connection):
            return StaleReason.ENDED
        if since < self._distrusted:
            return StaleReason.SILENT
        return StaleReason.IDLE if monotonic() - since > self._settings.pool_idle_seconds else None


def has_ended(connection: Any) -> bool:
    """Whether the server has closed it, or said its last words on it; asks nobody."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _note_time(_connection: object, record: Any) -> None:
    record.info["idle_since"] = monotonic()
