"""How the pool gets its connections: with patience, and with a breaker for when it ends.

A serverless database sleeps: the first connection wakes it, and is worth waiting for. One that
stays away longer is asked once per second, so that nobody waits in vain behind anybody else.
"""

import asyncio
from random import uniform
from time import monotonic
from typing import Any

import psycopg2
import structlog
from sqlalchemy.util.concurrency import await_

from api.config.settings import Settings
from api.database import deadlines
from api.database.breaker import Breaker
from api.database.psycopg2_asyncio import seconds_left
from api.database.sqlstates import NO_SERVER, refusal
from api.problems.catalogue import DatabaseUnavailable, Overloaded
from api.problems.problem import Problem
from api.telemetry import metrics, request_context

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 0.5
# A new connection takes some round trips; one that takes longer woke a sleeping database.
COLD_SECONDS = 0.3

log = structlog.get_logger()


class Patience:
    """Pauses between attempts, doubled each time: a whole pool that waits must not be a storm."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self._pause = FIRST_PAUSE_SECONDS

    def is_over(self) -> bool:
        """Whether there is no time for another attempt."""
        return monotonic() + self._pause > self._end

    def pause(self) -> None:
        """Wait, not all for the same time."""
        await_(asyncio.sleep(uniform(self._pause / 2, self._pause)))  # noqa: S311 -- no secret
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


class Connector:
    """Connects in place of the dialect."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._breaker = Breaker()
        self._in_progress = 0
        self._connected = 0.0

    def check_waiting(self) -> None:
        """Raise what to tell those who wait for a connection, unless one is on its way to them."""
        self._breaker.refuse()
        if not self._in_progress:
            raise Overloaded(reason="pool_wait")
        if seconds_left() <= 0:
            raise DatabaseUnavailable(reason="wake")

    def connect(
        self, dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]
    ) -> Any:
        """A new connection; raises a ``Problem`` where there is none to be had in time."""
        self._breaker.admit()
        began = monotonic()
        self._in_progress += 1
        try:
            connection = self._patiently(dialect, arguments, parameters)
        except Problem as problem:
            self.went_away(problem, began)
            raise
        finally:
            self._in_progress -= 1
            request_context.current().connect_seconds += monotonic() - began
        self._succeeded(connection, monotonic() - began)
        return connection

    def _patiently(self, dialect: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        """Connect; again while the server refuses, unless it was away already."""
        patience = Patience(seconds_left())
        while True:
            try:
                return dialect.connect(*arguments, **parameters)
            except TimeoutError as error:
                raise DatabaseUnavailable(reason="wake") from error
            except (psycopg2.Error, OSError) as error:
                if problem := refusal(error):
                    raise problem from error
                if self._breaker.cause or patience.is_over():
                    raise DatabaseUnavailable(reason="connect") from error
            patience.pause()

    def went_away(self, problem: Problem, began: float) -> None:
        """Open the breaker, unless this says nothing of now."""
        metrics.CONNECTS.labels(metrics.Outcome.FAILED).inc()
        # As does an older attempt than the last good one, or one in a hurry.
        if self._connected > began or self._was_short(problem, began):
            return
        known = self._breaker.cause
        if not known or known.reason != problem.reason:
            # The one line that says why: libpq's own words, which name hosts and users.
            words = str(problem.__cause__).strip() or "no answer in time"
            log.error("database_away", reason=problem.reason, error=words)
        self._breaker.open(problem)
        metrics.BREAKER_OPEN.set(1)

    def _was_short(self, problem: Problem, began: float) -> bool:
        """Whether the request had less time left than a database may take to wake up."""
        if problem.reason not in {"wake", "connect", NO_SERVER}:
            return False
        budget = self._settings.connect_deadline_seconds - LONGEST_PAUSE_SECONDS
        over = deadlines.left(self._settings) < LONGEST_PAUSE_SECONDS
        return over and monotonic() - began < budget

    def _succeeded(self, connection: Any, seconds: float) -> None:
        metrics.CONNECTS.labels(metrics.Outcome.OK).inc()
        metrics.CONNECT_SECONDS.observe(seconds)
        if seconds > COLD_SECONDS:
            metrics.COLD_STARTS.inc()
        # A pooler takes everybody in; whether it has a server, only an answer tells.
        if not self.is_open(NO_SERVER):
            self.came_back(connection)

    def is_open(self, reason: str | None = None) -> bool:
        """Whether the database is away, for this reason if one is given."""
        cause = self._breaker.cause
        return cause is not None and reason in {None, cause.reason}

    def came_back(self, connection: Any) -> None:
        """The database is there."""
        if self._breaker.cause or not self._connected:
            server = connection.info.parameter_status("server_version")
            log.info(
                "database_connected", server=server, connections_of_all=self._settings.connections
            )
        self._connected = monotonic()
        self._breaker.close()
        metrics.BREAKER_OPEN.set(0)
