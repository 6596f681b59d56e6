"""What each member of a task, and each parameter of a list, may hold.

Text is stored and returned unchanged, so what cannot be stored (NUL) or shown (controls) is
refused. Messages name the rule and never the value.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

BIGINT = 2**63 - 1
PAGE = 1000

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DAY_OR_TIME = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"([Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d))?",
    re.ASCII,
)
_PLAIN_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def instant(text: str) -> datetime:
    """The instant of a day (its midnight, UTC) or of an RFC 3339 time; raises ``ValueError``."""
    if not _DAY_OR_TIME.fullmatch(text):
        message = "Write YYYY-MM-DD, or an RFC 3339 time with its offset (+ is %2B in a URL)"
        raise ValueError(message)
    try:
        if len(text) == len("YYYY-MM-DD"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        message = "There is no such day or time"
        raise ValueError(message) from None


def number(value: object) -> int:
    """A number as a URL writes it; raises ``ValueError`` for signs, zeros in front, and zero."""
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value) and int(value) <= BIGINT:
        return int(value)
    message = "Write a whole number from 1 on, in plain digits"
    raise ValueError(message)


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        message = "Control characters are not allowed"
        raise ValueError(message)
    if not text.strip():
        message = "Write something that is not white space"
        raise ValueError(message)
    return text


def _text(text: str) -> str:
    if _CONTROL_IN_TEXT.search(text):
        message = "Control characters other than tab and newline are not allowed"
        raise ValueError(message)
    return text


def _distinct(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        message = "A tag stands there twice"
        raise ValueError(message)
    return tags


def _due(text: str) -> str:
    instant(text)
    return text


Priority = Literal["low", "medium", "high"]
Status = Literal["all", "pending", "completed"]
Sort = Literal["created_at", "updated_at", "title", "due_date", "priority"]
Direction = Literal["asc", "desc"]

Title = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
Description = Annotated[str, StringConstraints(max_length=5000), AfterValidator(_text)]
Tag = Annotated[str, StringConstraints(max_length=50), AfterValidator(_one_line)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(_distinct)]
Due = Annotated[str, AfterValidator(_due)]
Search = Annotated[str, StringConstraints(max_length=200), AfterValidator(_text)]
TaskId = Annotated[
    int,
    BeforeValidator(number),
    WithJsonSchema({"type": "integer", "format": "int64", "minimum": 1, "maximum": BIGINT}),
]
Limit = Annotated[
    int,
    BeforeValidator(number),
    Field(le=PAGE),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": PAGE}),
]
