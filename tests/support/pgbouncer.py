"""A real PgBouncer in transaction mode, as Neon puts one in front of its databases."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import URL, make_url

from tests.support.database import folder
from tests.support.parts import missing

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


@contextmanager
def pgbouncer(url: str, size: int) -> Iterator[str]:
    """The URL through a PgBouncer that keeps ``size`` connections to the database at ``url``."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing("PgBouncer (Debian: apt-get install pgbouncer)")
    target, port = make_url(url), _free_port()
    with folder() as path, (path / "log").open("wb") as log:
        _configure(path, target, port, size)
        command = [program, str(path / "pgbouncer.ini")]
        process = subprocess.Popen(command, stdout=log, stderr=log, **_identity())
        through = target.set(port=port).render_as_string(hide_password=False)
        try:
            _wait_until_ready(process, through, path / "log")
            yield through
        finally:
            process.terminate()
            process.wait()


def _configure(path: Path, target: URL, port: int, size: int) -> None:
    users = path / "users.txt"
    users.write_text(f'"{target.username}" "{target.password}"\n')
    text = CONFIGURATION.format(target=target, port=port, users=users, size=size)
    (path / "pgbouncer.ini").write_text(text)


def _identity() -> dict[str, Any]:
    """PgBouncer refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


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
