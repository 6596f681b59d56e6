"""The embedded PostgreSQL of ``make run`` and the tests: a child process from a wheel.

Only the wheel's ``initdb`` and ``postgres`` are used. Under root they run as another user, because
PostgreSQL refuses root. The server listens on a free port of the loopback interface only.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg2

from deploy.local.cluster import Cluster, binary, error_line

Process = subprocess.Popen[bytes]

START_SECONDS = 30
STOP_SECONDS = 30
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    # Statements and details of errors hold users' text.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@contextmanager
def server(directory: Path, *options: str) -> Iterator[str]:
    """Run PostgreSQL on ``directory``, created on first use, and yield its URL.

    ``options`` are passed to ``postgres``. Raises ``SystemExit`` with one sentence on failure.
    Removes libpq's variables (``PGSSLMODE`` and the like) from this process's environment, so that
    neither the server's programs nor any client started here uses them.
    """
    remove_libpq_variables()
    cluster = Cluster(directory.resolve())
    cluster.prepare()
    port = _free_port()
    process = _start(cluster, port, options)
    password = quote(cluster.password.read_text())
    url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    try:
        _wait_until_ready(cluster, process, url)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def remove_libpq_variables() -> None:
    """Remove ``PGSSLMODE``, ``PGSERVICE`` and the like from the environment of this process."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _start(cluster: Cluster, port: int, options: tuple[str, ...]) -> Process:
    command = [str(binary("postgres")), "-D", str(cluster.data), "-p", str(port)]
    flags = [f"--{name}={value}" for name, value in SETTINGS.items()]
    with cluster.log.open("wb") as log:
        # A session of its own, because Ctrl-C must stop the API first.
        return subprocess.Popen(
            [*command, *flags, *options],
            cwd=cluster.data,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **cluster.identity,
        )


def _wait_until_ready(cluster: Cluster, process: Process, url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            psycopg2.connect(url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    output = cluster.log.read_text(errors="replace")
    if "lock file" in output:
        number = (cluster.data / "postmaster.pid").read_text().partition("\n")[0]
        raise SystemExit(
            f"The data directory {cluster.directory} is in use by another PostgreSQL server "
            f"(process {number}): stop it, or choose another folder with DATA_DIR="
        )
    raise SystemExit(f"PostgreSQL did not start: {error_line(output)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
