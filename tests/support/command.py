"""Run a command in a clean environment; read its output; end the processes it started."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from tests.support.database.embedded_postgres import readable_folder

ROOT = Path(__file__).parents[2]
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
INHERITED_PREFIXES = ("PIP_", "COVERAGE_")
SECONDS = 90


@dataclass(frozen=True)
class Command:
    """A running command and the files that take its output."""

    process: subprocess.Popen[bytes]
    _output: IO[bytes]
    _errors: IO[bytes]

    @property
    def output(self) -> str:
        """What it wrote on standard output so far."""
        return _text(self._output)

    @property
    def errors(self) -> str:
        """What it wrote on standard error so far."""
        return _text(self._errors)

    def error_lines(self) -> list[str]:
        """The lines of standard error, without those that ``make`` adds to every failure."""
        return [line for line in self.errors.splitlines() if line and not line.startswith("make")]

    def wait_for(self, text: str) -> None:
        """Wait until standard error holds ``text``."""
        end = time.monotonic() + SECONDS
        while text not in self.errors:
            assert self.process.poll() is None, self.errors
            assert time.monotonic() < end, self.errors
            time.sleep(0.05)

    def stop(self, number: signal.Signals, *, group: bool = False) -> int:
        """Send a signal to the command, or as Ctrl-C does to its group; its exit code."""
        (os.killpg if group else os.kill)(self.process.pid, number)
        return self.process.wait(SECONDS)


@contextmanager
def running(
    *words: str, cwd: Path = ROOT, settings: Mapping[str, str] | None = None
) -> Iterator[Command]:
    """Start a command; ``settings`` join its environment."""
    own = os.environ.items()
    kept = {n: v for n, v in own if n in INHERITED or n.startswith(INHERITED_PREFIXES)}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env={**kept, **(settings or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        command = Command(process, output, errors)
        try:
            yield command
        finally:
            if process.poll() is None:
                command.stop(signal.SIGTERM, group=True)


@contextmanager
def finished(
    *words: str, cwd: Path = ROOT, settings: Mapping[str, str] | None = None
) -> Iterator[Command]:
    """Run a command to its end."""
    with running(*words, cwd=cwd, settings=settings) as command:
        command.process.wait(SECONDS)
        yield command


@contextmanager
def data_directory() -> Iterator[Path]:
    """A folder for one run; what a failed test left running on it ends with the test."""
    with readable_folder() as path:
        try:
            yield path
        finally:
            for number in processes_using(path):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)


def processes_using(folder: Path) -> dict[int, str]:
    """The command lines that name this folder, or whose environment does, by process id."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended, or another user's environment is closed
            command = " ".join(process.cmdline())
            if f"{folder}" in command or f"{folder}" in " ".join(process.environ().values()):
                found[process.pid] = command
    return found


def free_port() -> int:
    """A port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether the port has no listener."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _text(file: IO[bytes]) -> str:
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode()
