"""The way of a request to the database and back: one message, one round trip.

psycopg2 speaks the simple query protocol, so several statements travel as one message, and the
server runs them as one implicit transaction. Each message begins with the same prefix: it takes
on the role that row-level security binds, names the owner, and bounds the statement's time. All
of it ends with the message, so nothing stays on a pooled connection, nor on PgBouncer's.
"""

import select
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import psycopg2
from sqlalchemy import Executable, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util.concurrency import greenlet_spawn

from api import trace
from api.database import psycopg2_asyncio
from api.database.urls import async_url
from api.errors import (
    DatabaseUnavailable,
    OutcomeUnknown,
    Overloaded,
    Problem,
    ReadOnly,
    SchemaOutdated,
    TokenInvalid,
)
from api.settings import Settings

ROLE = "task_api"
PREFIX = (
    f"SELECT set_config('role','{ROLE}',true), set_config('app.user_id',%(owner)s,true), "
    "set_config('statement_timeout','{milliseconds}',true), set_config('TimeZone','UTC',true), "
    # Every order has its index; PostgreSQL guesses few matches for a search, and would rather
    # read and sort all tasks of the user than walk in order until the page is full.
    "set_config('enable_sort','off',true); "
)
DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call]

Rows = list[tuple[Any, ...]]

# What a SQLSTATE, or its class, means for the caller; any other is a defect of ours.
MEANINGS: dict[str, type[Problem]] = {
    "22023": SchemaOutdated,  # the role does not exist
    "23503": TokenInvalid,  # the user row does not exist
    "25006": ReadOnly,
    "40": DatabaseUnavailable,  # deadlock and its kin: rolled back
    "42501": SchemaOutdated,  # the role or its grants are missing
    "42703": SchemaOutdated,
    "42P10": SchemaOutdated,  # no unique index for ON CONFLICT
    "42P01": SchemaOutdated,
    "53": DatabaseUnavailable,  # out of connections, memory, disk
    "55P03": DatabaseUnavailable,  # lock not available
    "57014": DatabaseUnavailable,  # statement_timeout
}


@dataclass(frozen=True, slots=True)
class Message:
    """A statement as text, compiled once; ``defaults`` are the values it carries itself."""

    text: str
    defaults: Mapping[str, Any]
    writes: bool

    @classmethod
    def of(cls, statement: Executable, *, writes: bool = False) -> "Message":
        compiled = statement.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        # A parameter without a value has no default: forgetting it is an error, not a NULL.
        defaults = {name: v for name, v in compiled.params.items() if v is not None}
        return cls(str(compiled), defaults, writes)


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
        self._prefix = PREFIX.format(milliseconds=int(settings.statement_timeout_seconds * 1000))
        self._connect_deadline = settings.connect_deadline_seconds
        self._deadline = settings.database_deadline_seconds

    async def run(self, message: Message, owner: str, **values: Any) -> Rows:
        """Send one message as ``owner`` and return the rows of its statement.

        Raises a ``Problem``: 503 when certainly nothing was applied, 504 ``OutcomeUnknown``
        when a write was sent and no answer came.
        """
        started = perf_counter()
        parameters = {**message.defaults, **values, "owner": owner}
        try:
            return await greenlet_spawn(self._exchange, message, parameters)
        finally:
            current = trace.current()
            current.database_seconds += perf_counter() - started
            current.round_trips += 1

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    def _exchange(self, message: Message, parameters: Mapping[str, Any]) -> Rows:
        pooled = self._connect()
        connection: Any = pooled.dbapi_connection
        try:
            psycopg2_asyncio.within(self._deadline)
            with connection.cursor() as cursor:
                cursor.execute(self._prefix + message.text, parameters)
                rows: Rows = cursor.fetchall()
                return rows
        except (psycopg2.Error, TimeoutError) as error:
            raise _meaning(error, message, lost=connection.closed != 0) from error
        finally:
            if connection.closed:
                pooled.invalidate()
            pooled.close()

    def _connect(self) -> Any:
        psycopg2_asyncio.within(self._connect_deadline)
        try:
            return self._pool.connect()
        except PoolTimeout as error:
            raise Overloaded(reason="pool_wait") from error
        except (psycopg2.Error, OSError) as error:
            raise DatabaseUnavailable(reason="connect") from error


def _check_alive(connection: Any, _record: object, _proxy: object) -> None:
    """At checkout: an idle connection has nothing to say, unless it has ended."""
    poll = select.poll()
    poll.register(connection.fileno() if not connection.closed else -1, select.POLLIN)
    if connection.closed or poll.poll(0):
        raise DisconnectionError


def _meaning(error: Exception, message: Message, *, lost: bool) -> Problem:
    if lost:
        return (OutcomeUnknown if message.writes else DatabaseUnavailable)(reason="lost")
    code = getattr(error, "pgcode", None) or ""
    problem = MEANINGS.get(code) or MEANINGS.get(code[:2]) or Problem
    # Not the text: PostgreSQL quotes the statement, and with it what the user wrote.
    return problem(reason=f"{type(error).__name__} {code}")
