"""The way of a request to the database and back: one message, one round trip."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from time import monotonic, perf_counter
from typing import Any

import psycopg2

from api.config.settings import Settings
from api.database.backoff import pause, retry
from api.database.causes import HEALTHY, NOT_RUN, Cause
from api.database.connection import Connection
from api.database.deadlines import SHORTEST_SECONDS, message_limits, time_left
from api.database.pool import Pool
from api.database.sqlstates import to_problem, unanswered
from api.database.statement import DIVISION_BY_ZERO, CompiledStatement
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
        self._pool = Pool(settings)
        self._settings = settings
        self.failures, self._failed_at = 0, 0.0

    async def run(self, statement: CompiledStatement, user_id: str, /, **values: Any) -> Rows:
        """Send one message as ``user_id`` and return the rows of its statement.

        Raises a ``Problem``: 503 when certainly nothing was applied, 504 ``OutcomeUnknown``
        when a write was sent and no answer came.
        """
        started = perf_counter()
        parameters = {**statement.defaults, **values, "user_id": user_id}
        try:
            rows = await self._send_with_retry(statement, parameters)
        except Problem as problem:
            self._record_failure(problem)
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
        return perf_counter() - self._failed_at

    def in_use(self) -> int:
        """Connections in use."""
        return self._pool.in_use()

    async def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    async def _send_with_retry(
        self, statement: CompiledStatement, parameters: Mapping[str, Any]
    ) -> Rows:
        """Send; once more where the answer was lost, and until it is run where it was not."""
        try:
            return await self._send(statement, parameters)
        except (DatabaseUnavailable, OutcomeUnknown) as lost:
            if not self._may_repeat(statement, lost):
                raise
            if lost.reason == Cause.LOST:
                await pause()  # a server that crashed closes its connections one by one
            try:
                return await self._repeat(statement, parameters, lost)
            except Problem as again:
                is_known = (
                    lost.reason == Cause.ENDED and again.status != HTTPStatus.SERVICE_UNAVAILABLE
                )
                if isinstance(lost, OutcomeUnknown) and not is_known:
                    raise lost from again
                raise

    def _may_repeat(self, statement: CompiledStatement, lost: Problem) -> bool:
        is_harmless = statement.repeatable or not isinstance(lost, OutcomeUnknown)
        may = lost.reason in NOT_RUN or (lost.reason == Cause.LOST and is_harmless)
        return may and time_left(self._settings) > SHORTEST_SECONDS

    async def _repeat(
        self, statement: CompiledStatement, parameters: Mapping[str, Any], lost: Problem
    ) -> Rows:
        """Send again; and again, as to connect, while it was not run."""
        connector, settings = self._pool.connector, self._settings
        deadline = monotonic() + min(settings.connect_deadline_seconds, time_left(settings))
        repetition = _repetition(statement, lost)

        async def attempt() -> Rows:
            nonlocal repetition
            try:
                return await self._send(repetition, parameters, again=True)
            except OutcomeUnknown as again:
                repetition = _repetition(statement, again)
                raise

        try:
            return await retry(
                attempt,
                lambda again: again.reason in NOT_RUN and not connector.is_unavailable(),
                deadline,
            )
        except DatabaseUnavailable as away:
            if away.reason == Cause.NO_SERVER:
                connector.record_failure(away, monotonic())
            raise

    async def _send(
        self, statement: CompiledStatement, parameters: Mapping[str, Any], *, again: bool = False
    ) -> Rows:
        user_id = parameters["user_id"]
        connection = await self._pool.acquire(user_id)
        try:
            if again:
                request_context.current().retries += 1
                metrics.RETRIES.labels(statement.name).inc()
            return await self._execute(connection, statement, parameters)
        finally:
            self._pool.release(connection, user_id)

    async def _execute(
        self, connection: Connection, statement: CompiledStatement, parameters: Mapping[str, Any]
    ) -> Rows:
        limits = message_limits(self._settings)
        text = statement.message(limits.statement_milliseconds)
        request_context.current().round_trips += 1
        started = perf_counter()
        try:
            rows = await connection.execute(text, parameters, limits.answer_seconds)
        except TimeoutError as error:
            raise self._unanswered(statement, is_cut=limits.is_cut) from error
        except psycopg2.Error as error:
            raise self._failed(connection, statement, error) from error
        finally:
            seconds_of(statement.name).observe(perf_counter() - started)
        if self._pool.connector.is_unavailable():
            self._pool.connector.record_success(connection)
        return rows

    def _unanswered(self, statement: CompiledStatement, *, is_cut: bool) -> Problem:
        if is_cut:
            return unanswered(statement, Cause.REQUEST_DEADLINE)
        self._pool.invalidate_idle()
        return unanswered(statement, Cause.DEADLINE)

    def _failed(
        self, connection: Connection, statement: CompiledStatement, error: psycopg2.Error
    ) -> Problem:
        problem = to_problem(error, statement, lost=connection.is_closed)
        if problem.reason in {Cause.LOST, Cause.ENDED} and error.pgcode != DIVISION_BY_ZERO:
            connection.close()  # the server has said that it ends, and may not have done it
            self._pool.invalidate_idle()  # a server that ends one session may end all
        return problem

    def _record_failure(self, problem: Problem) -> None:
        if isinstance(problem.reason, Cause):
            metrics.UNAVAILABLE.labels(problem.reason).inc()
        failed = isinstance(problem, DatabaseUnavailable | OutcomeUnknown)
        if failed and problem.reason not in HEALTHY:
            # Bad credentials are permanent.
            self.failures += FAILING_MESSAGES if problem.reason == Cause.CREDENTIALS else 1
            self._failed_at = perf_counter()


def _repetition(statement: CompiledStatement, lost: Problem) -> CompiledStatement:
    """What is sent after this failure."""
    if lost.reason == Cause.ENDED and statement.writes and not statement.repeatable:
        return statement.unless_applied()
    return statement.repetition or statement
