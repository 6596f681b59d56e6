"""The connections of one worker: opened when needed, the last used first, replaced when stale."""

from enum import StrEnum
from functools import partial
from time import monotonic, perf_counter

from api.config.settings import Settings
from api.database.connection import Connection
from api.database.connector import Connector
from api.database.deadlines import time_for_step
from api.database.slots import Slots
from api.telemetry import metrics, request_context


class StaleReason(StrEnum):
    """Why an idle connection is replaced: the metric label ``reason``."""

    ENDED = "ended"  # the server or the network closed it
    IDLE = "idle"  # for longer than POOL_IDLE_SECONDS
    SILENT = "silent"  # another connection got no answer, or broke, since it was used


class Pool:
    """A connection that ``acquire`` returns must be given back with ``release``."""

    def __init__(self, settings: Settings) -> None:
        self.connector = Connector(settings)
        self._slots = Slots(settings.pool_size)
        self._idle: list[Connection] = []
        self._valid_since = 0.0
        self._settings = settings

    async def acquire(self, user_id: str) -> Connection:
        """An idle connection or a new one.

        Raises ``Overloaded`` after ``POOL_WAIT_SECONDS``; while the database wakes, the wait is
        limited by ``CONNECT_DEADLINE_SECONDS`` instead, and ends with ``DatabaseUnavailable``.
        """
        current, started = request_context.current(), perf_counter()
        connecting = current.connect_seconds
        deadline = monotonic() + time_for_step(
            self._settings, self._settings.connect_deadline_seconds
        )
        try:
            check = partial(self.connector.check_waiting, deadline)
            await self._slots.acquire(user_id, self._settings.pool_wait_seconds, deadline, check)
            try:
                return self._take_idle() or await self.connector.connect(deadline)
            except BaseException:
                self._slots.release(user_id)
                raise
        finally:
            elapsed = perf_counter() - started
            metrics.POOL_WAIT.observe(elapsed - (current.connect_seconds - connecting))

    def release(self, connection: Connection, user_id: str) -> None:
        """Keep the connection for the next message, unless it is closed."""
        if not connection.is_closed:
            connection.idle_since = monotonic()
            self._idle.append(connection)
        self._slots.release(user_id)

    def invalidate_idle(self) -> None:
        """Replace what is idle now before it is used: one connection got no answer, or broke.

        A server or a network that lost one connection has probably lost the others.
        """
        self._valid_since = monotonic()

    def in_use(self) -> int:
        """Connections that are in use, or being opened."""
        return self._slots.in_use

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self) -> Connection | None:
        """The last used connection that is not stale; stale ones are closed on the way to it."""
        reason = None
        while self._idle:
            connection = self._idle.pop()
            if not (stale := self._stale_reason(connection)):
                return connection
            reason = reason or stale
            connection.close()
        if reason:
            metrics.RECONNECTS.labels(reason).inc()
            request_context.current().reconnects += 1
        return None

    def _stale_reason(self, connection: Connection) -> StaleReason | None:
        if connection.has_ended():
            return StaleReason.ENDED
        if connection.idle_since < self._valid_since:
            return StaleReason.SILENT
        if monotonic() - connection.idle_since > self._settings.pool_idle_seconds:
            return StaleReason.IDLE
        return None
