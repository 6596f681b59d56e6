"""Each record is one JSON line that fits an atomic pipe write and holds no secret."""

import subprocess
import sys
from typing import Any

import orjson
import pytest

from api.telemetry.logs import LINE_BYTES
from tests.support.command import ROOT

PROGRAM = """
import logging, logging.config, warnings
from api.telemetry import logs
import structlog
logs.configure("info")
logging.config.dictConfig(logs.stdlib_config("info"))
ours, theirs = structlog.get_logger(), logging.getLogger("gunicorn.error")
def fail(depth, title="hidden-local"):
    if depth:
        fail(depth - 1)
    raise RuntimeError("x" * 50_000)
"""


def printed(script: str) -> list[dict[str, Any]]:
    """What a program with our logging writes, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + script], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stderr == b""
    assert all(len(line) <= LINE_BYTES for line in done.stdout.splitlines())
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_records_of_all_loggers_have_the_same_keys() -> None:
    one, two, three = printed(
        'ours.info("started", workers=2); theirs.info("started %s", 2); warnings.warn("old")'
    )

    assert set(one) == {"event", "ts", "level", "workers"}
    assert set(two) == {"event", "ts", "level", "logger"}
    assert (two["event"], two["logger"]) == ("started 2", "gunicorn.error")
    assert (three["level"], three["logger"]) == ("warning", "py.warnings")


@pytest.mark.parametrize("logger", ["ours", "theirs"])
def test_traceback_is_truncated_and_has_no_locals(logger: str) -> None:
    [line] = printed(f'try: fail(60)\nexcept RuntimeError: {logger}.exception("crash")')

    assert line["truncated"] is True
    assert line["exception"][0]["exc_type"] == "RuntimeError"
    assert line["exception"][0]["frames"]
    assert "hidden-local" not in str(line)


@pytest.mark.parametrize(
    "fields",
    [
        "password='s3cret'",
        "authorization='Bearer s3cret'",
        "headers={'Cookie': 's3cret'}",
        "outer=[{'inner': {'BETTER_AUTH_SECRET': 's3cret'}}]",
        "database_url='postgresql://u:s3cret@h/d'",
        "token='s3cret'",
    ],
)
def test_fields_with_secret_names_are_redacted(fields: str) -> None:
    [line] = printed(f'ours.info("event", {fields})')

    assert "s3cret" not in str(line)
    assert "[redacted]" in str(line)


def test_oversized_record_stays_one_line() -> None:
    [line] = printed('ours.info("event", many={str(n): "y" * 999 for n in range(999)})')

    assert (line["event"], line["truncated"]) == ("event", True)


def test_lines_of_several_processes_are_not_interleaved() -> None:
    script = (
        "import os\n"
        "for _ in range(3): os.fork()\n"
        'for n in range(300): ours.info("event", text="z" * 3500)\n'
        "try:\n    [os.wait() for _ in range(9)]\nexcept ChildProcessError: pass\n"
    )

    assert len(printed(script)) == 8 * 300
