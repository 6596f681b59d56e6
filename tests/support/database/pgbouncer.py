"""PgBouncer in transaction mode, which Neon runs in front of its databases."""

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import URL, make_url

from tests.support.database.embedded_postgres import readable_folder
from tests.support.required_tools import require_tool

START_SECONDS = 10
CONFIGURATION = """
[databases]
* = host={target.host} port={target.port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
"""


class Pooler:
    """``url`` goes through it, and stays the same when it is killed and started again."""

    def __init__(self, path: Path, url: str, size: int, settings: Mapping[str, object]) -> None:
        program = require_tool("pgbouncer")
        target, port = make_url(url), _free_port()
        self.url = target.set(port=port).render_as_string(hide_password=False)
        self._log = path / "log"
        self._command = [program, str(path / "pgbouncer.ini")]
        _configure(path, target, port, size, settings)

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, **_identity())
        _wait_until_ready(self._process, self.url, self._log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it at once, whatever its clients are doing."""
        self._process.send_signal(how)
        self._process.wait()


@contextmanager
def pooler(url: str, size: int, **settings: object) -> Iterator[Pooler]:
    """A PgBouncer that keeps ``size`` connections to the database at ``url``."""
    with readable_folder() as path:
        made = Pooler(path, url, size, settings)
        try:
            made.start()
            yield made
        finally:
            made.stop(signal.SIGKILL)


@contextmanager
def pgbouncer(url: str, size: int) -> Iterator[str]:
    """The URL through a PgBouncer that keeps ``size`` connections to the database at ``url``."""
    with pooler(url, size) as made:
        yield made.url


def _configure(
    path: Path, target: URL, port: int, size: int, settings: Mapping[str, object]
) -> None:
    users = path / "users.txt"
    users.write_text(f'"{target.username}" "{target.password}"\n')
    text = CONFIGURATION.format(target=target, port=port, users=users, size=size)
    text += "".join(f"{name} = {value}\n" for name, value in settings.items())
    (path / "pgbouncer.ini").write_text(text)


def _identity() -> dict[str, Any]:
    """PgBouncer refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    unprivileged = pwd.getpwnam("nobody")
    user, group = unprivileged.pw_uid, unprivileged.pw_gid
    return {"user": user, "group": group, "extra_groups": []}


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"PgBouncer did not start: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
