"""Validated types of a task's members and of the list's query parameters.

Text is stored and returned unchanged, so text that PostgreSQL cannot store (NUL) and control
characters are refused. Messages name the rule, never the value.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.config import JsonDict

MAX_BIGINT = 2**63 - 1
MAX_PAGE_SIZE = 1000

# Parts of regular expressions that mean the same in Python and in JSON Schema (no \s, \w, \d).
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_CONTROLS_IN_TEXT = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_CONTROLS_AND_SPACES = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR_AND_MINUTE = "([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"[Tt]{_HOUR_AND_MINUTE}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+-]{_HOUR_AND_MINUTE})"

_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_TEXT = re.compile(f"[{_CONTROLS_IN_TEXT}]")
_DAY_OR_TIME = re.compile(f"{_DAY}({_TIME})?")
_DECIMAL = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def to_instant(text: str) -> datetime:
    """The instant of an RFC 3339 time, or a day's midnight in UTC; raises ``ValueError``."""
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


def parse_positive_integer(value: object) -> int:
    """Parse plain decimal digits; raises ``ValueError`` for signs, leading zeros and zero."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value) and int(value) <= MAX_BIGINT:
        return int(value)
    message = "Write a whole number from 1 on, in plain digits"
    raise ValueError(message)


def _check_line(text: str) -> str:
    if _CONTROL.search(text):
        message = "Control characters are not allowed"
        raise ValueError(message)
    if not text.strip():
        message = "At least one character must not be white space"
        raise ValueError(message)
    return text


def _check_text(text: str) -> str:
    if _CONTROL_IN_TEXT.search(text):
        message = "Control characters other than tab and newline are not allowed"
        raise ValueError(message)
    return text


def _check_distinct(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        message = "Tags must be distinct"
        raise ValueError(message)
    return tags


def _check_due_date(text: str) -> str:
    to_instant(text)
    return text


Priority = Literal["low", "medium", "high"]
Status = Literal["all", "pending", "completed"]
Sort = Literal["created_at", "updated_at", "title", "due_date", "priority"]
Direction = Literal["asc", "desc"]

# The rules of the functions above as JSON Schema.
_LINE_SCHEMA: JsonDict = {
    "minLength": 1,
    "pattern": f"^[^{_CONTROLS}]*[^{_CONTROLS_AND_SPACES}][^{_CONTROLS}]*$",
}
_TEXT_SCHEMA: JsonDict = {"pattern": f"^[^{_CONTROLS_IN_TEXT}]*$"}
_DATE_SCHEMA = {"type": "string", "format": "date", "pattern": f"^(?!0000){_DAY}$"}
_DATE_TIME_SCHEMA = {"type": "string", "format": "date-time", "pattern": f"^(?!0000){_DAY}{_TIME}$"}
_ID_SCHEMA = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_BIGINT}

Title = Annotated[
    str, Field(max_length=200, json_schema_extra=_LINE_SCHEMA), AfterValidator(_check_line)
]
Description = Annotated[
    str, Field(max_length=5000, json_schema_extra=_TEXT_SCHEMA), AfterValidator(_check_text)
]
Tag = Annotated[
    str, Field(max_length=50, json_schema_extra=_LINE_SCHEMA), AfterValidator(_check_line)
]
Tags = Annotated[
    list[Tag],
    Field(max_length=20, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_distinct),
]
Due = Annotated[
    str,
    AfterValidator(_check_due_date),
    WithJsonSchema({"anyOf": [_DATE_SCHEMA, _DATE_TIME_SCHEMA]}),
]
Search = Annotated[
    str, Field(max_length=200, json_schema_extra=_TEXT_SCHEMA), AfterValidator(_check_text)
]
TaskId = Annotated[int, BeforeValidator(parse_positive_integer), WithJsonSchema(_ID_SCHEMA)]
Limit = Annotated[
    int,
    BeforeValidator(parse_positive_integer),
    Field(le=MAX_PAGE_SIZE),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}),
]
