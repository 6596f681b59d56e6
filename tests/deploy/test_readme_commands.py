"""The commands of README.md, run as they stand there."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.local_run import started_run
from tests.support.command import ROOT, data_directory, free_port

BLOCKS = [part.split("```")[0] for part in (ROOT / "README.md").read_text().split("```sh\n")[1:]]


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Path, int]]:
    """``make run`` for the whole module: its data directory and its port."""
    port = free_port()
    with data_directory() as path, started_run(path, f"PORT={port}", "WORKERS=1"):
        yield path, port


def test_the_first_block_is_make_run() -> None:
    assert BLOCKS[0] == "make run\n"


def test_the_second_block_uses_every_operation(started: tuple[Path, int]) -> None:
    data, port = started
    script = BLOCKS[1].replace(":8000/", f":{port}/").replace("curl ", "curl -sS --fail-with-body ")
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
