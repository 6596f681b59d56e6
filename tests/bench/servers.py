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

from tests.bench import processes
from tests.bench.tokens import Tokens
from tests.support.command import free_port
from tests.support.database.query_plans import cursor_on
from tests.support.http.server import SECRET

ROOT = Path(__file__).parents[2]
PRODUCT = "tasks-api"
# By the keys of results.json.
PEERS = {"plan": "sessions", "litestar": "litestar_asyncpg", "floor": "floor"}
NAMES = {
    PRODUCT: "tasks-api",
    "plan": "plain FastAPI + SQLModel",
    "litestar": "Litestar + asyncpg + msgspec",
    "floor": "bare ASGI + psycopg2",
}
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A running server: its URL, and the first processes of it, its database and its log reader."""

    url: str
    process: int
    database: int
    log_reader: int

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far."""
        return processes.cpu_seconds(self.process)

    def database_cpu_seconds(self) -> float:
        """CPU time of all PostgreSQL's processes so far."""
        return processes.cpu_seconds(self.database)

    def log_bytes(self) -> int:
        """The length of its log so far."""
        return processes.bytes_read(self.log_reader)

    def processes(self) -> list[int]:
        """The first process and its children."""
        return processes.family(self.process)

    def memory_kib(self) -> list[int]:
        """Resident memory of each worker, which are the children of the first process."""
        return [processes.resident_kib(pid) for pid in self.processes()[1:]]


@contextmanager
def started(name: str, database_url: str, tokens: Tokens, *, workers: int = 1) -> Iterator[Server]:
    """Run the product or a peer as its documentation says; the log goes to a pipe."""
    port = free_port()
    with TemporaryDirectory() as folder:
        # In an empty folder, so that a developer's .env does not change what is measured.
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "BETTER_AUTH_SECRET": SECRET,
        }
        if name == PRODUCT:
            environment |= {"PORT": str(port), "WORKERS": str(workers), "DATA_DIR": folder}
            environment["PROMETHEUS_MULTIPROC_DIR"] = f"{folder}/metrics"
            environment["BETTER_AUTH_URL"] = tokens.issuer.url
            command = ["gunicorn", "--config", f"{ROOT}/deploy/gunicorn.conf.py"]
        else:
            environment["EDDSA_PUBLIC_KEY"] = tokens.public_key
            module = f"tests.bench.peers.{PEERS[name]}:app"
            command = ["uvicorn", module, f"--port={port}", "--no-access-log"]
        with _piped([sys.executable, "-m", *command], folder, environment) as (process, reader):
            url = _wait_until_ready(f"http://127.0.0.1:{port}", process)
            yield Server(url, process.pid, _postmaster(database_url), reader.pid)


Process = subprocess.Popen[bytes]


@contextmanager
def _piped(
    command: list[str], folder: str, environment: Mapping[str, str]
) -> Iterator[tuple[Process, Process]]:
    """A process, and the one that reads its output."""
    reading, writing = os.pipe()
    with (
        subprocess.Popen(["cat"], stdin=reading, stdout=subprocess.DEVNULL) as reader,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=writing, stderr=writing
        ) as process,
    ):
        os.close(reading)
        os.close(writing)
        try:
            yield process, reader
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: Process) -> str:
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/anonymous/tasks", timeout=1):
                return url
        except urllib.error.HTTPError:
            return url
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"A server did not start: {process.args!r}")


def _postmaster(database_url: str) -> int:
    """PostgreSQL's first process, which is the parent of every backend."""
    with cursor_on(database_url) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return processes.parent(cursor.fetchone()[0])
