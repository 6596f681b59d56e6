"""JSON log lines as text for a terminal."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

from api.config import strict_json

STDOUT = 1
LAST = "\0"
# Members of a line that its text shows in another form.
SHOWN = {"ts", "level", "event", "method", "route", "status", "duration_ms", "exception", "logger"}
LEVEL_WIDTH = 7


@contextmanager
def readable_stdout() -> Iterator[None]:
    """Within the block this process and its children write standard output through ``readable``."""
    reader, writer = os.pipe()
    terminal = os.dup(STDOUT)
    os.dup2(writer, STDOUT)
    copier = Thread(target=_copy, args=(reader, terminal))
    copier.start()
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(terminal, STDOUT)
        # A helper process of multiprocessing may keep the pipe open: its end does not come.
        os.write(writer, f"{LAST}\n".encode())
        copier.join()


def readable(line: str) -> str:
    """The text of a JSON log line; a line of another form is returned as it is."""
    try:
        return _text(strict_json.parse(line.encode()))
    except (ValueError, LookupError, TypeError, AttributeError):
        return line


def _text(entry: Mapping[str, Any]) -> str:
    members = [f"{name}={value}" for name, value in entry.items() if name not in SHOWN and value]
    time = str(entry.get("ts", ""))[11:19]
    level = str(entry.get("level", "")).ljust(LEVEL_WIDTH)
    text = "  ".join([f"{time} {level} {_event(entry)}", *members])
    return "\n".join([text, *_traceback(entry.get("exception"))])


def _event(entry: Mapping[str, Any]) -> str:
    if entry.get("event") != "request":
        return str(entry.get("event", ""))
    request = f"{entry.get('method')} {entry.get('route')}"
    return f"{request} {entry.get('status')} in {entry.get('duration_ms')} ms"


def _traceback(exceptions: Any) -> list[str]:
    """The lines of structlog's exception dictionaries: the first cause first."""
    lines: list[str] = []
    for each in reversed(exceptions or []):
        lines += ["    {filename}:{lineno} in {name}".format(**frame) for frame in each["frames"]]
        lines.append(f"  {each['exc_type']}: {each['exc_value']}")
    return lines


def _copy(reader: int, terminal: int) -> None:
    with open(reader, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.rstrip("\n") == LAST:
                return
            os.write(terminal, f"{readable(line.rstrip())}\n".encode())
