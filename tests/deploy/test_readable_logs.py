"""The log lines of ``make dev``: the API's JSON as text."""

import json

import pytest

from api.telemetry.logs import TRACEBACKS
from deploy.local.readable_logs import readable


def crash() -> None:
    """Fail because of another failure."""
    try:
        int("x")
    except ValueError as error:
        raise KeyError("tags") from error


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Traceback (most recent call last):",
        "[1]",
        "1",
        "{half",
        '{"exception": [{"frames": 1}]}',
    ],
)
def test_a_line_of_another_form_stays_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_a_request_is_a_sentence_with_what_is_not_empty() -> None:
    entry = {
        "event": "request",
        "method": "GET",
        "route": "/livez",
        "status": 200,
        "duration_ms": 1.5,
        "db_ms": 0.0,
        "user_id": None,
        "bytes": 7,
        "ts": "2026-11-28T09:30:00.123Z",
        "level": "info",
    }

    assert readable(json.dumps(entry)) == "09:30:00 info    GET /livez 200 in 1.5 ms  bytes=7"


def test_a_crash_shows_each_cause_with_its_frames() -> None:
    try:
        crash()
    except KeyError:
        entry = TRACEBACKS(None, "error", {"event": "crash", "level": "error", "exc_info": True})

    first, *lines = readable(json.dumps(entry)).splitlines()

    assert first.split() == ["error", "crash"]
    assert [line.strip() for line in lines if not line.startswith("    ")] == [
        "ValueError: invalid literal for int() with base 10: 'x'",
        "KeyError: 'tags'",
    ]
    assert any("test_readable_logs.py" in line and "in crash" in line for line in lines)
