"""What each member of a task, and each parameter of a list, may hold.

Text is stored and returned unchanged, so what cannot be stored (NUL) or shown (controls) is
refused. Messages name the rule and never the value.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.config import JsonDict

BIGINT = 2**63 - 1
PAGE = 1000

# Parts of patterns; they mean the same to Python and to JSON Schema (no \s, \w, \d).
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_CONTROLS_IN_TEXT = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_CONTROLS_AND_SPACES = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR_AND_MINUTE = "([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"[Tt]{_HOUR_AND_MINUTE}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+-]{_HOUR_AND_MINUTE})"

_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_TEXT = re.compile(f"[{_CONTROLS_IN_TEXT}]")
_DAY_OR_TIME = re.compile(f"{_DAY}({_TIME})?")
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

# What the functions above accept, for those who read the schema instead.
_LINE: JsonDict = {
    "minLength": 1,
    "pattern": f"^[^{_CONTROLS}]*[^{_CONTROLS_AND_SPACES}][^{_CONTROLS}]*$",
}
_LINES: JsonDict = {"pattern": f"^[^{_CONTROLS_IN_TEXT}]*$"}
_DATE = {"type": "string", "format": "date", "pattern": f"^(?!0000){_DAY}$"}
_DATE_TIME = {"type": "string", "format": "date-time", "pattern": f"^(?!0000){_DAY}{_TIME}$"}
_INT64 = {"type": "integer", "format": "int64", "minimum": 1, "maximum": BIGINT}

Title = Annotated[str, Field(max_length=200, json_schema_extra=_LINE), AfterValidator(_one_line)]
Description = Annotated[
    str, Field(max_length=5000, json_schema_extra=_LINES), AfterValidator(_text)
]
Tag = Annotated[str, Field(max_length=50, json_schema_extra=_LINE), AfterValidator(_one_line)]
Tags = Annotated[
    list[Tag],
    Field(max_length=20, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_distinct),
]
Due = Annotated[str, AfterValidator(_due), WithJsonSchema({"anyOf": [_DATE, _DATE_TIME]})]
Search = Annotated[str, Field(max_length=200, json_schema_extra=_LINES), AfterValidator(_text)]
TaskId = Annotated[int, BeforeValidator(number), WithJsonSchema(_INT64)]
Limit = Annotated[
    int,
    BeforeValidator(number),
    Field(le=PAGE),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": PAGE}),
]
