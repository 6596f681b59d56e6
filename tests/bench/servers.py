"""The product and its peers as processes, and what they use of the machine."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.command import free_port
from tests.support.http.server import SECRET

ROOT = Path(__file__).parents[2]
PRODUCT = "tasks-api"
PEERS = {"plan": "sessions", "litestar": "litestar_asyncpg", "floor": "floor"}
NAMES = {
    PRODUCT: "tasks-api",
    "plan": "the plan taken literally",
    "litestar": "Litestar + asyncpg + msgspec",
    "floor": "bare ASGI + psycopg2",
}
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 30


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the first of its processes."""

    url: str
    process: int

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        return sum(_ticks(pid) for pid in self.processes()) / TICKS

    def processes(self) -> list[int]:
        """The first process and its children."""
        children = Path(f"/proc/{self.process}/task/{self.process}/children").read_text()
        return [self.process, *map(int, children.split())]

    def memory_kib(self) -> list[int]:
        """Resident memory of each worker, which are the children of the first process."""
        return [_resident_kib(pid) for pid in self.processes()[1:]]


@contextmanager
def started(name: str, database_url: str, *, workers: int = 1) -> Iterator[Server]:
    """Run the product or a peer as its documentation says; the log goes to a pipe."""
    port = free_port()
    with TemporaryDirectory() as folder:
        # In a folder of its own: what a developer keeps in .env is not what ships.
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "BETTER_AUTH_SECRET": SECRET,
        }
        if name == PRODUCT:
            environment |= {"PORT": str(port), "WORKERS": str(workers), "DATA_DIR": folder}
            environment["PROMETHEUS_MULTIPROC_DIR"] = f"{folder}/metrics"
            command = ["gunicorn", "--config", f"{ROOT}/deploy/gunicorn.conf.py"]
        else:
            module = f"tests.bench.peers.{PEERS[name]}:app"
            command = ["uvicorn", module, f"--port={port}", "--no-access-log"]
        with _piped([sys.executable, "-m", *command], folder, environment) as process:
            yield Server(_answering(f"http://127.0.0.1:{port}", process), process.pid)


@contextmanager
def _piped(
    command: list[str], folder: str, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    reading, writing = os.pipe()
    with (
        subprocess.Popen(["cat"], stdin=reading, stdout=subprocess.DEVNULL),
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=writing, stderr=writing
        ) as run,
    ):
        os.close(reading)
        os.close(writing)
        try:
            yield run
        finally:
            run.terminate()


def _answering(url: str, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/anonymous/tasks", timeout=1):
                return url
        except urllib.error.HTTPError:
            return url
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"A server did not start: {process.args!r}")


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
