"""The commands of README.md, run as they stand there."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.local_run import started_run
from tests.support.command import ROOT, data_directory, free_port
from tests.support.documents import block
from tests.support.required_tools import require_tool

MAKE_RUN = tuple(block("README.md", "make run").split())
CALLS = block("README.md", "TOKEN=")


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Path, int]]:
    """``make run`` for the whole module: its data directory and its port."""
    port = free_port()
    with data_directory() as path, started_run(path, f"PORT={port}", "WORKERS=1", make=MAKE_RUN):
        yield path, port


def test_the_calls_use_every_operation(started: tuple[Path, int]) -> None:
    for tool in ("bash", "curl"):
        require_tool(tool)
    data, port = started
    script = CALLS.replace(":8000/", f":{port}/").replace("curl ", "curl -sS --fail-with-body ")
    script = script.replace("make token", f"make token DATA_DIR={data}")
    done = subprocess.run(
        ["bash", "-euc", script.replace("\ncurl", "\necho; curl")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    created, listed, changed, completed, deleted = answers
    assert (created["title"], created["tags"]) == ("Buy milk", ["home"])
    assert listed == [created]
    assert changed["priority"] == "high"
    assert completed["completed"] is True
    assert deleted == completed
