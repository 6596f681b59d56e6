"""A ready ``make run``, and the curl line that it prints for its user."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.command import Command, free_port, processes_using, running
from tests.support.required_tools import require_tool

READY = "Buy milk"


@contextmanager
def started_run(
    data: Path,
    *words: str,
    make: tuple[str, ...] = ("make", "run"),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Command]:
    """``make run`` on this data directory, once it says it is ready."""
    command_line = (*make, f"DATA_DIR={data}", f"PORT={free_port()}", *words)
    with running(*command_line, settings=settings) as command:
        command.wait_for(READY)
        yield command


def usage_example(command: Command) -> str:
    """The line to copy."""
    [line] = [line for line in command.errors.splitlines() if line.startswith("curl ")]
    return line


def pasted(line: str) -> Any:
    """The JSON that a shell prints for a pasted line."""
    require_tool("curl")
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, timeout=30)
    return json.loads(done.stdout)


def listed(line: str) -> Any:
    """The tasks that the same line's token shows."""
    return pasted(line.partition(" --json ")[0])


def lines(command: Command) -> list[Any]:
    """Every line of its log."""
    return [json.loads(line) for line in command.output.splitlines()]


def workers(data: Path) -> int:
    """How many processes gunicorn has beside its first."""
    return sum("gunicorn" in command for command in processes_using(data).values()) - 1
