"""The answer to each error of the database, and the cause under which it is counted."""

import re

from psycopg2 import Error

from api.database.causes import Cause
from api.database.statement import CompiledStatement
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import (
    DatabaseUnavailable,
    OutcomeUnknown,
    Overloaded,
    ReadOnly,
    SchemaOutdated,
    StorageFull,
    TokenInvalid,
)
from api.problems.problem import Problem

# By SQLSTATE, or its class; any other is a defect of ours.
PROBLEM_BY_SQLSTATE: dict[str, tuple[type[Problem], str]] = {
    "22023": (SchemaOutdated, Cause.SCHEMA),  # the role does not exist
    "22P02": (SchemaOutdated, Cause.SCHEMA),  # a user id is no value of the user table's id
    "23503": (TokenInvalid, AuthFailure.UNKNOWN_USER),  # the user row does not exist
    "25006": (ReadOnly, Cause.READ_ONLY),
    "40": (DatabaseUnavailable, Cause.CONFLICT),  # deadlock and its kin: rolled back
    "42501": (SchemaOutdated, Cause.SCHEMA),  # the role or its grants are missing
    "42703": (SchemaOutdated, Cause.SCHEMA),
    "42804": (SchemaOutdated, Cause.SCHEMA),  # a column has another type, as do uuid ids of users
    "42883": (SchemaOutdated, Cause.SCHEMA),  # the same, in a comparison
    "42P01": (SchemaOutdated, Cause.SCHEMA),
    "42P10": (SchemaOutdated, Cause.SCHEMA),  # no unique index for ON CONFLICT
    "53": (DatabaseUnavailable, Cause.RESOURCES),
    "53100": (StorageFull, Cause.FULL),  # the disk, or Neon's project size limit
    "53300": (Overloaded, Cause.LIMIT),
    "55P03": (DatabaseUnavailable, Cause.CONFLICT),  # lock not available
    "57014": (DatabaseUnavailable, Cause.STATEMENT_TIMEOUT),
    "58": (DatabaseUnavailable, Cause.RESOURCES),  # the server's own disk or system failed
}

# Classes that end the session, whether or not the connection shows it yet.
SESSION_ENDED = ("08", "57P")
# Of these, the ones that come before the statement or in its place: shutdown, start, idle session.
BEFORE_STATEMENT = {"57P01", "57P03", "57P05"}

# Errors of a connection have no SQLSTATE in psycopg2: their text must do. These say that the
# server, or the pooler before it, never ran the statement, and that asking again is no use.
REFUSED_BY_TEXT: list[tuple[str, type[Problem], Cause]] = [
    ("too many|slots are reserved|no more connections", Overloaded, Cause.LIMIT),
    ("query_wait_timeout", Overloaded, Cause.LIMIT),
    ("password|auth failed|SASL|pg_hba", DatabaseUnavailable, Cause.CREDENTIALS),
    ("does not exist|no such|endpoint", DatabaseUnavailable, Cause.CREDENTIALS),
    ("certificate|support SSL|channel binding", DatabaseUnavailable, Cause.CREDENTIALS),
]
# The text of 57P01, for when the connection is gone with its SQLSTATE.
TERMINATED = "FATAL:  terminating connection due to administrator command"
# PgBouncer's text when it has no server for the message.
WITHOUT_SERVER = "server_login_retry"


def to_problem(error: Error, statement: CompiledStatement, *, lost: bool) -> Problem:
    """The answer to a failed message; ``lost`` says that the connection is gone with it."""
    code = error.pgcode or ""
    if lost or code.startswith(SESSION_ENDED):
        if WITHOUT_SERVER in str(error):
            return DatabaseUnavailable(reason=Cause.NO_SERVER)
        if code in BEFORE_STATEMENT or TERMINATED in str(error):
            return unanswered(statement, Cause.ENDED)
        return connection_refused(error) or unanswered(statement, Cause.LOST)
    if statement.to_problem and (found := statement.to_problem(error)):
        return found
    # Not the text: PostgreSQL quotes the statement, and with it what the user wrote.
    defect = (Problem, f"{type(error).__name__} {code}")
    problem, reason = PROBLEM_BY_SQLSTATE.get(code) or PROBLEM_BY_SQLSTATE.get(code[:2]) or defect
    return problem(reason=reason)


def unanswered(statement: CompiledStatement, cause: Cause) -> Problem:
    """The answer to a message that was sent and not answered."""
    return (OutcomeUnknown if statement.writes else DatabaseUnavailable)(reason=cause)


def connection_refused(error: Exception) -> Problem | None:
    """The answer to a refused connection that would be refused again; else None."""
    for pattern, problem, cause in REFUSED_BY_TEXT:
        if re.search(pattern, str(error), re.IGNORECASE):
            return problem(reason=cause)
    return None
