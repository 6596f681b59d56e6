"""The way of a request to the database and back: one message, one round trip."""

from collections.abc import Mapping
from functools import cache, partial
from time import monotonic, perf_counter
from typing import Any

import psycopg2

from api.config.settings import Settings
from api.database.connector import Patience
from api.database.deadlines import SHORTEST_SECONDS, left, limit
from api.database.greenlets import Greenlets
from api.database.pool import Pool
from api.database.sqlstates import CAUSES, ENDED, NO_SERVER, RETRYABLE, meaning
from api.database.statement import PREFIX, CompiledStatement
from api.problems.catalogue import DatabaseUnavailable, OutcomeUnknown
from api.problems.problem import Problem
from api.telemetry import metrics, request_context

FAILING_MESSAGES = 3
# After this, traffic may try again: a process out of service would never learn that it may return.
FAILING_SECONDS = 15.0

Rows = list[tuple[Any, ...]]

seconds_of = cache(metrics.QUERY_SECONDS.labels)


class Database:
    """A pool of connections to one database, and the one way to use them.

    ``failures`` counts the messages that failed since one succeeded.
    """

    def __init__(self, settings: Settings) -> None:
        self._pool, self._greenlets = Pool(settings), Greenlets()
        self._prefix = PREFIX.format(milliseconds=int(settings.statement_timeout_seconds * 1000))
        self._settings = settings
        self.failures, self._failed = 0, 0.0

    async def run(self, message: CompiledStatement, owner: str, **values: Any) -> Rows:
        """Send one message as ``owner`` and return the rows of its statement.

        Raises a ``Problem``: 503 when certainly nothing was applied, 504 ``OutcomeUnknown``
        when a write was sent and no answer came.
        """
        started = perf_counter()
        parameters = {**message.defaults, **values, "owner": owner}
        try:
            rows: Rows = await self._greenlets.run(partial(self._deliver, message, parameters))
        except Problem as problem:
            self._note_failure(problem)
            raise
        finally:
            request_context.current().database_seconds += perf_counter() - started
        self.failures = 0
        return rows

    def is_failing(self) -> bool:
        """Whether the last messages failed, and not long ago; nothing is sent to find out."""
        return self.seconds_since_failure() < FAILING_SECONDS and self.failures >= FAILING_MESSAGES

    def seconds_since_failure(self) -> float:
        """How old the news is; without ``failures`` it means nothing."""
        return perf_counter() - self._failed

    def in_use(self) -> int:
        """Connections in use."""
        return self._pool.in_use()

    async def close(self) -> None:
        """Close every connection."""
        self._greenlets.close()
        await self._pool.close()

    def _deliver(self, message: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        """Exchange the message; once more where its connection was lost and that does no harm."""
        try:
            return self._exchange(message, parameters)
        except (DatabaseUnavailable, OutcomeUnknown) as lost:
            if not self._may_repeat(message, lost):
                raise
            request_context.current().retries += 1
            metrics.RETRIES.labels(message.name).inc()
            try:
                return self._repeat(message, parameters)
            except Problem as again:
                if isinstance(lost, OutcomeUnknown):
                    raise lost from again
                raise

    def _may_repeat(self, message: CompiledStatement, lost: Problem) -> bool:
        harmless = message.repeatable or not isinstance(lost, OutcomeUnknown)
        in_time = left(self._settings) > SHORTEST_SECONDS
        return lost.reason in {"lost", *RETRYABLE} and harmless and in_time

    def _repeat(self, message: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        """Once more; and again, as to connect, while it certainly was not run."""
        connector, settings = self._pool.connector, self._settings
        patience = Patience(min(settings.connect_deadline_seconds, left(settings)))
        while True:
            try:
                return self._exchange(message, parameters)
            except DatabaseUnavailable as away:
                if away.reason not in RETRYABLE:
                    raise
                if connector.is_open() or patience.is_over():
                    if away.reason == NO_SERVER:
                        connector.went_away(away, monotonic())
                    raise
            patience.pause()

    def _exchange(self, message: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        pooled = self._pool.take()
        try:
            limit(self._settings, self._settings.database_deadline_seconds)
            return self._answer(pooled.dbapi_connection, message, parameters)
        finally:
            self._pool.give_back(pooled)

    def _answer(
        self, connection: Any, message: CompiledStatement, parameters: Mapping[str, Any]
    ) -> Rows:
        request_context.current().round_trips += 1
        started = perf_counter()
        try:
            with connection.cursor() as cursor:
                cursor.execute(self._prefix + message.text, parameters)
                rows: Rows = cursor.fetchall()
        except TimeoutError as error:
            self._pool.distrust_idle()
            raise meaning(error, message, lost=True) from error
        except psycopg2.Error as error:
            problem = meaning(error, message, lost=connection.closed != 0)
            if problem.reason in {"lost", ENDED}:
                connection.close()  # also where the server has said so, and not yet done it
            raise problem from error
        finally:
            seconds_of(message.name).observe(perf_counter() - started)
        if self._pool.connector.is_open():
            self._pool.connector.came_back(connection)
        return rows

    def _note_failure(self, problem: Problem) -> None:
        if problem.reason in CAUSES:
            metrics.UNAVAILABLE.labels(problem.reason).inc()
        if isinstance(problem, DatabaseUnavailable | OutcomeUnknown):
            # Credentials do not mend themselves.
            self.failures += FAILING_MESSAGES if problem.reason == "credentials" else 1
            self._failed = perf_counter()
