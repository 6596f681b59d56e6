"""How long a request may wait for the database: each step its time, none beyond the request's."""

from api.config.settings import Settings
from api.database import psycopg2_asyncio
from api.problems.catalogue import DatabaseUnavailable
from api.telemetry import request_context

# With less, the answer would hardly arrive: what is not begun has certainly not happened.
SHORTEST_SECONDS = 0.1


def left(settings: Settings) -> float:
    """Seconds until the end of this request."""
    return settings.request_deadline_seconds - request_context.current().elapsed()


def limit(settings: Settings, seconds: float) -> None:
    """Limit what follows, and never beyond the end of the request.

    Raises ``DatabaseUnavailable`` where too little is left to begin.
    """
    rest = left(settings)
    if rest < SHORTEST_SECONDS:
        raise DatabaseUnavailable(reason="deadline")
    psycopg2_asyncio.within(min(seconds, rest))
