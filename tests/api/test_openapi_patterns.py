"""The patterns of the OpenAPI document accept the same values as the API."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from pydantic import TypeAdapter, ValidationError

from api.tasks.fields import DayOrTime, Description, Search, Tag, Title
from tests.api.bad_inputs.times import INVALID_TIMES

# Every range of Unicode that has white space, control or invisible characters.
RANGES = (range(0x10100), range(0x1BC00, 0x1D200), range(0xDFF00, 0xE1100))
CHARACTERS = [chr(code) for codes in RANGES for code in codes if not 0xD800 <= code < 0xE000]
TIMES = (
    "0001-01-01",
    "2024-02-29",
    "9999-12-31",
    "2026-12-01T17:00:00+01:00",
    "2026-12-01t17:00:00z",
    "2026-12-01T23:59:59.123456789-23:59",
)
# A plus is bare in a URL only, and a schema cannot add an offset to a time.
ELSEWHERE = {"a bare plus", "before all time", "after all time"}
NO_DATES = [unquote(sent) for name, sent in INVALID_TIMES.items() if name not in ELSEWHERE]


def accepts(adapter: TypeAdapter[Any], value: str) -> bool:
    """Whether the API takes this."""
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", [Title, Description, Tag, Search])
def test_pattern_accepts_the_characters_that_the_api_accepts(kind: Any) -> None:
    adapter = TypeAdapter(kind)
    pattern = adapter.json_schema()["pattern"]
    assert pattern.endswith("$")
    # To JSON Schema a dollar is the end; to Python also the place before a last newline.
    admits = re.compile(pattern[:-1] + r"\Z").search

    assert not [c for c in CHARACTERS if bool(admits(c)) != accepts(adapter, c)]
    assert not [c for c in CHARACTERS if bool(admits(f"a{c}b")) != accepts(adapter, f"a{c}b")]


@pytest.mark.parametrize("time", [*TIMES, *NO_DATES])
def test_schema_accepts_the_times_that_the_api_accepts(time: str) -> None:
    adapter = TypeAdapter(DayOrTime)
    validator = OAS31Validator(adapter.json_schema(), format_checker=oas31_format_checker)

    assert validator.is_valid(time) == accepts(adapter, time) == (time in TIMES)
