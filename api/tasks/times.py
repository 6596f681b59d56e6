"""Days and times as clients write them: ``YYYY-MM-DD``, or RFC 3339 with an offset."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR_AND_MINUTE = "([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"[Tt]{_HOUR_AND_MINUTE}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+-]{_HOUR_AND_MINUTE})"
_DAY_OR_TIME = re.compile(f"{_DAY}({_TIME})?")
DAY_LENGTH = len("YYYY-MM-DD")

DAY_SCHEMA: Any = {"type": "string", "format": "date", "pattern": f"^(?!0000){_DAY}$"}
TIME_SCHEMA: Any = {"type": "string", "format": "date-time", "pattern": f"^(?!0000){_DAY}{_TIME}$"}

# How far the clock of a client, or of the database, may be ahead of this one.
CLOCK_SKEW = timedelta(seconds=1)


def is_day(text: str) -> bool:
    """Whether a valid day or time is a day."""
    return len(text) == DAY_LENGTH


def to_instant(text: str) -> datetime:
    """The instant of an RFC 3339 time, or a day's midnight in UTC; raises ``ValueError``."""
    return _parse(text).astimezone(UTC)


def to_wall_clock(text: str) -> datetime:
    """What a clock at the time's own offset shows, as if it were UTC."""
    return _parse(text).replace(tzinfo=UTC)


def check_day_or_time(text: str) -> str:
    """The text itself; raises ``ValueError`` unless it is a day or a time with an offset."""
    to_instant(text)
    return text


def check_time(text: str) -> str:
    """The text itself; raises ``ValueError`` unless it is a time with an offset."""
    to_instant(text)
    if is_day(text):
        message = "Write an RFC 3339 time with its offset"
        raise ValueError(message)
    return text


def check_past_time(text: str) -> str:
    """The text itself; raises ``ValueError`` unless it is a time with an offset, up to now."""
    if to_instant(check_time(text)) > datetime.now(UTC) + CLOCK_SKEW:
        message = "This time must not be in the future"
        raise ValueError(message)
    return text


def _parse(text: str) -> datetime:
    if not _DAY_OR_TIME.fullmatch(text):
        message = "Write YYYY-MM-DD, or an RFC 3339 time with its offset (+ is %2B in a URL)"
        raise ValueError(message)
    try:
        if is_day(text):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        time = datetime.fromisoformat(text.upper())
        time.astimezone(UTC)
    except (ValueError, OverflowError):
        message = "There is no such day or time"
        raise ValueError(message) from None
    return time
