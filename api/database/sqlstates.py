"""What a database error means for the caller, and the cause under which it is counted."""

import re

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
MEANINGS: dict[str, tuple[type[Problem], str]] = {
    "22023": (SchemaOutdated, "schema"),  # the role does not exist
    "23503": (TokenInvalid, AuthFailure.UNKNOWN_USER),  # the user row does not exist
    "25006": (ReadOnly, "read_only"),
    "40": (DatabaseUnavailable, "conflict"),  # deadlock and its kin: rolled back
    "42501": (SchemaOutdated, "schema"),  # the role or its grants are missing
    "42703": (SchemaOutdated, "schema"),
    "42P01": (SchemaOutdated, "schema"),
    "42P10": (SchemaOutdated, "schema"),  # no unique index for ON CONFLICT
    "53": (DatabaseUnavailable, "resources"),
    "53100": (StorageFull, "full"),  # the disk, or Neon's project size limit
    "53300": (Overloaded, "limit"),
    "55P03": (DatabaseUnavailable, "conflict"),  # lock not available
    "57014": (DatabaseUnavailable, "statement_timeout"),
    "58": (DatabaseUnavailable, "resources"),  # the server's own disk or system failed
}

# Classes that end the session, whether or not the connection shows it yet.
ENDINGS = ("08", "57P")
# Of these, the ones that come before the statement or in its place: shutdown, start, idle session.
NOT_RUN = {"57P01", "57P03", "57P05"}

# Errors of a connection have no SQLSTATE in psycopg2: their text must do. These say that the
# server, or the pooler before it, never ran the statement, and that asking again is no use.
REFUSALS: list[tuple[str, type[Problem], str]] = [
    ("too many|slots are reserved|no more connections", Overloaded, "limit"),
    ("query_wait_timeout", Overloaded, "limit"),
    ("password|auth failed|SASL|pg_hba", DatabaseUnavailable, "credentials"),
    ("does not exist|no such|endpoint", DatabaseUnavailable, "credentials"),
    ("certificate|support SSL|channel binding", DatabaseUnavailable, "credentials"),
]
# What is left of 57P01 when the connection is gone with it.
TERMINATED = "FATAL:  terminating connection due to administrator command"
# How a pooler says that it has no server for the message.
WITHOUT_SERVER = "server_login_retry"
# Causes by which a message was certainly not run, and may be at the next attempt.
ENDED, NO_SERVER = RETRYABLE = "ended", "no_server"

CAUSES = sorted(
    {cause for _, cause in MEANINGS.values() if cause != AuthFailure.UNKNOWN_USER}
    | {cause for *_, cause in REFUSALS}
    | {"breaker", "connect", "deadline", "lost", "pool_wait", "wake", *RETRYABLE}
)


def meaning(error: Exception, message: CompiledStatement, *, lost: bool) -> Problem:
    """The answer to a failed message; ``lost`` says that the connection is gone with it."""
    unknown = OutcomeUnknown if message.writes else DatabaseUnavailable
    if isinstance(error, TimeoutError):
        return unknown(reason="deadline")
    code = getattr(error, "pgcode", None) or ""
    if lost or code.startswith(ENDINGS):
        if WITHOUT_SERVER in str(error):
            return DatabaseUnavailable(reason=NO_SERVER)
        if code in NOT_RUN or TERMINATED in str(error):
            return DatabaseUnavailable(reason=ENDED)
        return refusal(error) or unknown(reason="lost")
    # Not the text: PostgreSQL quotes the statement, and with it what the user wrote.
    defect = (Problem, f"{type(error).__name__} {code}")
    problem, cause = MEANINGS.get(code) or MEANINGS.get(code[:2]) or defect
    return problem(reason=cause)


def refusal(error: Exception) -> Problem | None:
    """What a refused connection means where asking again is no use; else None."""
    for pattern, problem, cause in REFUSALS:
        if re.search(pattern, str(error), re.IGNORECASE):
            return problem(reason=cause)
    return None
