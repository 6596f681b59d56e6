"""Why a message failed: the value of the metric label ``cause`` and of ``reason`` in the log."""

from enum import StrEnum


class Cause(StrEnum):
    """The runbook says for each what to do."""

    BREAKER = "breaker"  # the database is known to be away
    CONFLICT = "conflict"  # a deadlock, a lock, a serialisation failure
    CONNECT = "connect"  # no connection, and the wake budget is spent
    CREDENTIALS = "credentials"  # the connection is refused, and would be again
    DEADLINE = "deadline"  # no answer within DATABASE_DEADLINE_SECONDS
    ENDED = "ended"  # the session was over before the message
    FULL = "full"
    LIMIT = "limit"  # the database has no connection left
    LOST = "lost"  # the connection broke after the message was sent
    NO_SERVER = "no_server"  # the pooler has no server for the message
    POOL_WAIT = "pool_wait"  # no connection of ours became free
    READ_ONLY = "read_only"
    REQUEST_DEADLINE = "request_deadline"  # the request ended before the database could answer
    RESOURCES = "resources"
    SCHEMA = "schema"
    STATEMENT_TIMEOUT = "statement_timeout"
    WAKE = "wake"  # a new connection was not ready within the wake budget


# The message was not run, and may be at the next attempt. After ``ENDED`` that is certain of a
# write only where the server logs no durations.
NOT_RUN = frozenset({Cause.ENDED, Cause.NO_SERVER})
# The database is well: the statement, other statements or the request itself took too long.
HEALTHY = frozenset({Cause.STATEMENT_TIMEOUT, Cause.CONFLICT, Cause.REQUEST_DEADLINE})
