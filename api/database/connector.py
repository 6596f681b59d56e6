"""How the pool gets its connections: within the wake budget, and behind a breaker.

A serverless database sleeps: the first connection wakes it, and is worth waiting for. One that
stays away longer is asked once per second.
"""

from functools import partial
from time import monotonic
from typing import Any

import psycopg2
import structlog

from api.config.settings import Settings
from api.database.backoff import LONGEST_PAUSE_SECONDS, retry
from api.database.breaker import Breaker
from api.database.causes import Cause
from api.database.connection import Connection
from api.database.deadlines import time_left
from api.database.resolver import Resolver, is_name
from api.database.sqlstates import connection_refused
from api.database.urls import connection_parameters
from api.problems.catalogue import DatabaseUnavailable, Overloaded
from api.problems.problem import Problem
from api.telemetry import metrics, request_context

# A new connection takes some round trips; one that takes longer woke a sleeping database.
COLD_SECONDS = 0.3

log = structlog.get_logger()


class Connector:
    """Opens connections, and knows whether the database is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parameters = connection_parameters(settings)
        host, port = str(self._parameters.get("host", "")), self._parameters.get("port", 5432)
        self._resolver = Resolver(host, int(port)) if is_name(host) else None
        self._breaker = Breaker()
        self._in_progress, self._opened_at = 0, 0.0

    def is_unavailable(self) -> bool:
        """Whether the database is away."""
        return self._breaker.is_unavailable()

    def check_waiting(self, deadline: float) -> None:
        """Raise what to answer while all connections are in use, unless one is being opened.

        One that was opened just now may be free within the time of a pool wait.
        """
        self._breaker.check()
        is_over = monotonic() >= deadline
        if self._in_progress:
            if is_over:
                raise DatabaseUnavailable(reason=Cause.WAKE)
        elif is_over or monotonic() - self._opened_at >= self._settings.pool_wait_seconds:
            raise Overloaded(reason=Cause.POOL_WAIT)

    async def connect(self, deadline: float) -> Connection:
        """A new connection; raises a ``Problem`` where there is none by ``deadline``."""
        self._breaker.admit()
        began = monotonic()
        self._in_progress += 1
        try:
            connection = await retry(partial(self._open, deadline), self._may_retry, deadline)
        except Problem as problem:
            metrics.CONNECTS.labels(metrics.Outcome.FAILED).inc()
            self.record_failure(problem, began)
            raise
        finally:
            self._in_progress -= 1
            request_context.current().connect_seconds += monotonic() - began
        self._record_connection(connection, monotonic() - began)
        return connection

    def record_failure(self, problem: Problem, began: float) -> None:
        """The database is away, unless the attempt says nothing of now."""
        if self._was_short(problem, began):
            return
        if self._breaker.record_failure(problem, began):
            # The one line that says why: libpq's own words, which name hosts and users.
            words = str(problem.__cause__).strip() or "no answer in time"
            log.error("database_away", reason=problem.reason, error=words)
        metrics.BREAKER_OPEN.set(self.is_unavailable())

    def record_success(self, connection: Connection, *, answered: bool = True) -> None:
        """The database is there: it answered, or took a connection."""
        if self._breaker.record_success(answered=answered):
            log.info(
                "database_connected",
                server=connection.server_version(),
                connections_of_all=self._settings.connections,
            )
        metrics.BREAKER_OPEN.set(self.is_unavailable())

    async def _open(self, deadline: float) -> Connection:
        try:
            located = self._parameters | await self._addresses(deadline)
            return await Connection.open(located, deadline - monotonic())
        except TimeoutError as error:
            raise DatabaseUnavailable(reason=Cause.WAKE) from error
        except (psycopg2.Error, OSError) as error:
            refused = connection_refused(error)
            raise refused or DatabaseUnavailable(reason=Cause.CONNECT) from error

    async def _addresses(self, deadline: float) -> dict[str, Any]:
        """Where the host is; its name stays beside each address, for SNI and for verify-full."""
        if not self._resolver:
            return {}
        found = await self._resolver.addresses(deadline - monotonic())
        names = ",".join([self._parameters["host"]] * len(found))
        return {"host": names, "hostaddr": ",".join(found)}

    def _may_retry(self, problem: Problem) -> bool:
        """Again while the server refuses, unless it was away before."""
        return problem.reason == Cause.CONNECT and not self.is_unavailable()

    def _was_short(self, problem: Problem, began: float) -> bool:
        """Whether the request had less time left than a database may take to wake up."""
        if problem.reason not in {Cause.WAKE, Cause.CONNECT, Cause.NO_SERVER}:
            return False
        budget = self._settings.connect_deadline_seconds - LONGEST_PAUSE_SECONDS
        is_over = time_left(self._settings) < LONGEST_PAUSE_SECONDS
        return is_over and monotonic() - began < budget

    def _record_connection(self, connection: Connection, seconds: float) -> None:
        self._opened_at = monotonic()
        metrics.CONNECTS.labels(metrics.Outcome.OK).inc()
        metrics.CONNECT_SECONDS.observe(seconds)
        if seconds > COLD_SECONDS:
            metrics.COLD_STARTS.inc()
        self.record_success(connection, answered=False)
