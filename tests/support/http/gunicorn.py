"""gunicorn with its workers, as ``make run`` and the container start it, on any database."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import psutil

from tests.support.command import ROOT, Command, data_directory, free_port, processes_using, running
from tests.support.http.server import SECRET

START_SECONDS = 30
COMMAND = (".venv/bin/python", "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py")


class Gunicorn:
    """A running gunicorn; ``base`` is its URL, ``data`` its folder."""

    def __init__(self, command: Command, data: Path, base: str) -> None:
        self.command, self.base = command, base
        self.data = data

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        children = {child.pid for child in psutil.Process(self.command.process.pid).children()}
        return sorted(children & processes_using(self.data).keys())

    def kill(self, *workers: int) -> None:
        """End these at once, as a lack of memory does."""
        for number in workers:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def wait_until_ready(self) -> None:
        """Until it takes requests."""
        end = time.monotonic() + START_SECONDS
        while not _is_ready(self.base):
            assert time.monotonic() < end, self.command.output
            time.sleep(0.05)


def _is_ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz").is_success
    except httpx.TransportError:
        return False


@contextmanager
def gunicorn(
    database_url: str, port: int = 0, command: Sequence[str] = COMMAND, **settings: str
) -> Iterator[Gunicorn]:
    """Two workers, ready."""
    with data_directory() as data:
        port = port or free_port()
        own = {
            "DATABASE_URL": database_url,
            "DATA_DIR": f"{data}",
            "BETTER_AUTH_SECRET": SECRET,
            "PORT": f"{port}",
            "PROMETHEUS_MULTIPROC_DIR": f"{data}/metrics",
            **settings,
        }
        with running(*command, cwd=ROOT, settings=own) as started:
            made = Gunicorn(started, data, f"http://127.0.0.1:{port}")
            made.wait_until_ready()
            yield made
