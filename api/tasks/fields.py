"""Validated types of a task's members and of the list's query parameters.

Messages name the rule, never the value.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from api.tasks.characters import LINE_SCHEMA, TEXT_SCHEMA, check_line, check_text
from api.tasks.times import DAY_SCHEMA, TIME_SCHEMA, check_day_or_time, check_past_time

MAX_BIGINT = 2**63 - 1
MAX_PAGE_SIZE = 1000
MAX_SEARCH_WORDS = 10

_DECIMAL = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
ID_SCHEMA = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_BIGINT}


def parse_positive_integer(value: object) -> int:
    """Parse plain decimal digits; raises ``ValueError`` for signs, leading zeros and zero."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value) and int(value) <= MAX_BIGINT:
        return int(value)
    message = "Write a whole number from 1 on, in plain digits"
    raise ValueError(message)


def _check_distinct(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        message = "Tags must be distinct"
        raise ValueError(message)
    return tags


def _check_words(search: str) -> str:
    if len(search.split()) > MAX_SEARCH_WORDS:
        message = f"A search may have at most {MAX_SEARCH_WORDS} words"
        raise ValueError(message)
    return search


Priority = Literal["low", "medium", "high"]
Status = Literal["all", "pending", "completed"]
Sort = Literal["created_at", "updated_at", "title", "due_date", "priority"]
Direction = Literal["asc", "desc"]

Title = Annotated[
    str, Field(max_length=255, json_schema_extra=LINE_SCHEMA), AfterValidator(check_line)
]
Description = Annotated[
    str, Field(max_length=5000, json_schema_extra=TEXT_SCHEMA), AfterValidator(check_text)
]
Tag = Annotated[
    str, Field(max_length=50, json_schema_extra=LINE_SCHEMA), AfterValidator(check_line)
]
Tags = Annotated[
    list[Tag],
    Field(max_length=20, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_distinct),
]
DayOrTime = Annotated[
    str,
    AfterValidator(check_day_or_time),
    WithJsonSchema({"anyOf": [DAY_SCHEMA, TIME_SCHEMA]}),
]
PastTime = Annotated[str, AfterValidator(check_past_time), WithJsonSchema(TIME_SCHEMA)]
Search = Annotated[
    str,
    Field(max_length=200, json_schema_extra=TEXT_SCHEMA),
    AfterValidator(check_text),
    AfterValidator(_check_words),
]
TaskId = Annotated[int, BeforeValidator(parse_positive_integer), WithJsonSchema(ID_SCHEMA)]
Limit = Annotated[
    int,
    BeforeValidator(parse_positive_integer),
    Field(le=MAX_PAGE_SIZE),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}),
]
