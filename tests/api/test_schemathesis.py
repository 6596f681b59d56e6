"""Requests generated from the OpenAPI document get responses that it declares."""

import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pytest

from api.openapi import document
from tests.support.http.client import User
from tests.support.http.openapi_validation import OPERATIONS

ROOT = Path(__file__).parents[2]
PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")
# Deterministic: the same requests in every run, as far as the ids of new tasks allow.
CONFIG = """
hooks = "tests.api.schemathesis_hooks"
[auth.openapi.token]
bearer = "{token}"
[generation]
deterministic = true
database = "none"
[cache]
enabled = false
[parameters]
{parameters}
"""
Lines = list[dict[str, Any]]


def fuzz(user: User, config: Path, examples: int, parameters: str = "") -> None:
    """Run Schemathesis as this user, with all its phases and checks; fail with what it found."""
    token = user.headers["Authorization"].removeprefix("Bearer ")
    config.write_text(CONFIG.format(token=token, parameters=parameters))
    program = [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(config)]
    options = ["--url", str(user.base_url).rstrip("/"), "--max-examples", str(examples)]
    done = subprocess.run(
        [*program, "run", str(document.FILE), *options],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert all(f"✅ {phase}" in done.stdout for phase in PHASES), done.stdout


def requests(log: BinaryIO) -> Lines:
    """What the API logged since it was last read: one line per request."""
    lines: Lines = [orjson.loads(line) for line in log.read().splitlines()]
    return [line for line in lines if line["event"] == "request"]


def succeeded(lines: Lines) -> set[tuple[str, str]]:
    """The operations, as method and path, that did what was asked of them."""
    return {(line["method"], line["route"]) for line in lines if 200 <= line["status"] < 300}


def own(user: User) -> str:
    """The parameter that makes every path the user's."""
    return f'"path.user_id" = "{user.user_id}"'


def test_generated_requests_get_described_responses(
    alice: User, tmp_path: Path, log: BinaryIO
) -> None:
    log.read()
    fuzz(alice, tmp_path / "fuzz.toml", 10, own(alice))
    lines = requests(log)

    assert len(lines) >= 500
    assert {(m, p) for m, p, _ in OPERATIONS.values()} <= succeeded(lines)
    assert not [line for line in lines if line["status"] >= 500]


def test_generated_requests_to_other_users_get_described_responses(
    alice: User, tmp_path: Path, log: BinaryIO
) -> None:
    log.read()
    fuzz(alice, tmp_path / "fuzz.toml", 5)
    lines = requests(log)

    assert {line["code"] for line in lines} >= {"user_mismatch", "not_found"}
    assert {method for method, _ in succeeded(lines)} <= {"OPTIONS"}
    assert not [line for line in lines if line["status"] >= 500]


@pytest.mark.slow
def test_thousands_of_generated_requests_get_described_responses(
    alice: User, tmp_path: Path, log: BinaryIO
) -> None:
    log.read()
    fuzz(alice, tmp_path / "fuzz.toml", 1000, own(alice))
    lines = requests(log)

    print(f"{len(lines)} requests")
    assert len(lines) >= 5_000
    assert not [line for line in lines if line["status"] >= 500]
