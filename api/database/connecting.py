"""How the pool gets its connections, and how it tells that one has ended.

A serverless database sleeps: the first connection wakes it, and is worth waiting for. One that
stays away longer is asked once per second, so that nobody waits in vain behind anybody else.
"""

import asyncio
import select
from time import monotonic, perf_counter
from typing import Any

import psycopg2
import structlog
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.util.concurrency import await_

from api import metrics, trace
from api.database.breaker import Breaker
from api.database.meanings import refusal
from api.database.psycopg2_asyncio import seconds_left
from api.errors import DatabaseUnavailable
from api.problem import Problem
from api.settings import Settings

PAUSE_SECONDS = 0.1
# A new connection takes some round trips; one that takes longer woke a sleeping database.
COLD_SECONDS = 0.3

log = structlog.get_logger()


class Connector:
    """Connects in place of the dialect: with patience, and with a breaker for when it ends."""

    def __init__(self, settings: Settings) -> None:
        self._idle_seconds = settings.pool_idle_seconds
        self._budget = settings.connections
        self._breaker = Breaker()
        self._in_progress = 0
        self._connected_before = False

    def attach(self, engine: Any) -> None:
        """Take over the connections of this engine's pool."""
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine.pool, "checkin", _note_time)
        event.listen(engine.pool, "checkout", self._check_alive)

    def is_waking(self) -> bool:
        """Whether connections are on their way that are worth waiting for."""
        return self._in_progress > 0 and self._breaker.cause is None

    def _connect(
        self, dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]
    ) -> Any:
        self._breaker.admit()
        started = perf_counter()
        self._in_progress += 1
        try:
            connection = self._patiently(dialect, arguments, parameters)
        except Problem as problem:
            self._went_away(problem)
            raise
        finally:
            self._in_progress -= 1
            trace.current().connect_seconds += perf_counter() - started
        self._came_back(connection, perf_counter() - started)
        return connection

    def _patiently(self, dialect: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        """Connect; again while the server refuses, unless it was away already."""
        while True:
            try:
                return dialect.connect(*arguments, **parameters)
            except TimeoutError as error:
                raise DatabaseUnavailable(reason="wake") from error
            except (psycopg2.Error, OSError) as error:
                if problem := refusal(error):
                    raise problem from error
                if self._breaker.cause or seconds_left() < PAUSE_SECONDS:
                    raise DatabaseUnavailable(reason="connect") from error
            await_(asyncio.sleep(PAUSE_SECONDS))

    def _went_away(self, problem: Problem) -> None:
        metrics.CONNECTS.labels("failed").inc()
        if not self._breaker.cause:
            # The one line that says why: libpq's own words, which name hosts and users.
            log.error("database_away", reason=problem.reason, error=str(problem.__cause__).strip())
        self._breaker.open(problem)
        metrics.BREAKER_OPEN.set(1)

    def _came_back(self, connection: Any, seconds: float) -> None:
        metrics.CONNECTS.labels("ok").inc()
        metrics.CONNECT.observe(seconds)
        if seconds > COLD_SECONDS:
            metrics.COLD_STARTS.inc()
        if self._breaker.cause or not self._connected_before:
            server = connection.info.parameter_status("server_version")
            log.info(
                "database_connected",
                server=server,
                seconds=round(seconds, 3),
                connections_of_all=self._budget,
            )
        self._connected_before = True
        self._breaker.close()
        metrics.BREAKER_OPEN.set(0)

    def _check_alive(self, connection: Any, record: Any, _proxy: object) -> None:
        """At checkout: an idle connection has nothing to say, unless it has ended."""
        since = record.info.pop("idle_since", None)
        if since is None:
            return
        if has_ended(connection):
            metrics.RECONNECTS.labels("ended").inc()
            raise DisconnectionError
        if monotonic() - since > self._idle_seconds:
            metrics.RECONNECTS.labels("idle").inc()
            raise DisconnectionError


def has_ended(connection: Any) -> bool:
    """Whether the server has closed it, or said its last words on it; asks nobody."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _note_time(_connection: object, record: Any) -> None:
    record.info["idle_since"] = monotonic()
