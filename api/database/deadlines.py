"""How long a step towards the database may take: its own limit, and never beyond the request."""

from typing import NamedTuple

from api.config.settings import Settings
from api.database.causes import Cause
from api.problems.catalogue import DatabaseUnavailable
from api.telemetry import request_context, stalls

# With less, the answer would hardly arrive: what is not begun has certainly not happened.
SHORTEST_SECONDS = 0.15
# The server's own limit ends so much before the request, so that its certain answer still arrives.
ANSWER_SECONDS = 0.1


def time_left(settings: Settings) -> float:
    """Seconds until the end of this request; while the process is stopped, none pass."""
    current = request_context.current()
    stalled = stalls.clock.seconds_since(current.started)
    return settings.request_deadline_seconds - current.elapsed() + stalled


def time_for_step(settings: Settings, seconds: float) -> float:
    """``seconds``, or what the request has left if that is less.

    Raises ``DatabaseUnavailable`` where too little is left to begin.
    """
    left = time_left(settings)
    if left < SHORTEST_SECONDS:
        raise DatabaseUnavailable(reason=Cause.REQUEST_DEADLINE)
    return min(seconds, left)


class MessageLimits(NamedTuple):
    """How long a message may take: the statement on the server, and its answer here.

    ``is_cut`` says that the request ends before the database's own time is over.
    """

    statement_milliseconds: int
    answer_seconds: float
    is_cut: bool


def message_limits(settings: Settings) -> MessageLimits:
    """The limits of the settings, or earlier ones where the request ends earlier.

    Raises ``DatabaseUnavailable`` where too little is left to begin.
    """
    statement, answer = settings.statement_timeout_seconds, settings.database_deadline_seconds
    seconds = time_for_step(settings, answer)
    if is_cut := seconds < answer:
        statement = min(statement, seconds - ANSWER_SECONDS)
    return MessageLimits(int(statement * 1000), seconds, is_cut)
