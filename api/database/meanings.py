"""What a database error means for the caller."""

from api.database.message import Message
from api.errors import DatabaseUnavailable, OutcomeUnknown, ReadOnly, SchemaOutdated, TokenInvalid
from api.problem import Problem

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


def meaning(error: Exception, message: Message, *, lost: bool) -> Problem:
    """The answer to a failed message; ``lost`` says that the connection is gone with it."""
    if lost:
        return (OutcomeUnknown if message.writes else DatabaseUnavailable)(reason="lost")
    code = getattr(error, "pgcode", None) or ""
    problem = MEANINGS.get(code) or MEANINGS.get(code[:2]) or Problem
    if problem is TokenInvalid:
        return problem(reason="unknown_user")
    # Not the text: PostgreSQL quotes the statement, and with it what the user wrote.
    return problem(reason=f"{type(error).__name__} {code}")
