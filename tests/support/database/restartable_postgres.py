"""A PostgreSQL that a test can stop, kill and restart at the same address."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg2

from deploy.local.cluster import Cluster, binary
from tests.support.command import free_port
from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.temporary_database import migrate

START_SECONDS = 30
# No flushing to the disk; but a commit that was acknowledged survives the death of the server.
OPTIONS = ("-c", "fsync=off", "-c", "synchronous_commit=on", "-h", "127.0.0.1", "-k", "")
FAST_STOP, IMMEDIATE_STOP, CRASH = signal.SIGINT, signal.SIGQUIT, signal.SIGKILL


class RestartablePostgres:
    """A server whose ``url`` stays the same over restarts."""

    def __init__(self, directory: Path, *options: str) -> None:
        self._cluster = Cluster(directory)
        self._cluster.prepare()
        self.port = free_port()
        self._options = (*OPTIONS, "-p", str(self.port), *options)
        password = quote(self._cluster.password.read_text())
        self.url = f"postgresql://postgres:{password}@127.0.0.1:{self.port}/postgres"
        self._process = self._launched()

    def start(self) -> None:
        """Start, and wait until it takes connections; what a crash left may take a while."""
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < end, self._cluster.log.read_text()
            if self._process.poll() is not None:
                self._process = self._launched()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = FAST_STOP) -> None:
        """Stop as ``pg_ctl stop`` does in that mode."""
        self._process.send_signal(how)
        self._process.wait(START_SECONDS)

    def restart(self, how: signal.Signals = FAST_STOP) -> None:
        """Stop, and start again at once."""
        self.stop(how)
        self.start()

    def _launched(self) -> subprocess.Popen[bytes]:
        cluster = self._cluster
        with cluster.log.open("ab") as log:
            return subprocess.Popen(
                [str(binary("postgres")), "-D", str(cluster.data), *self._options],
                cwd=cluster.data,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **cluster.identity,
            )

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


@contextmanager
def restartable_postgres(*options: str) -> Iterator[RestartablePostgres]:
    """A running server that has the schema."""
    with readable_folder() as path:
        made = RestartablePostgres(path, *options)
        try:
            made.start()
            migrate(made.url)
            yield made
        finally:
            made.stop(IMMEDIATE_STOP)
