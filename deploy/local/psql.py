"""``make psql``: a shell on ``DATABASE_URL``, else on the embedded database of ``make run``."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
from sqlalchemy import URL, make_url

from api.config import settings
from api.database.urls import direct_url
from deploy.local import postgres
from deploy.local.cluster import Cluster, binary
from deploy.local.run import lock_directory

PORT_LINE = 3  # of postmaster.pid, counted from 0


def main() -> int:
    """Run ``psql``; starts the embedded server for it where none runs. Returns its exit code."""
    config = settings.load()
    postgres.remove_libpq_variables()
    if config.database_url:
        return _shell(direct_url(config))
    if url := _running(config.data_dir):
        return _shell(url)
    with lock_directory(config.data_dir), postgres.server(config.data_dir) as address:
        return _shell(make_url(address))


def _running(directory: Path) -> URL | None:
    """The URL of the embedded server of a ``make run`` on this directory, if it answers."""
    cluster = Cluster(directory.resolve())
    try:
        port = (cluster.data / "postmaster.pid").read_text().splitlines()[PORT_LINE]
        password = cluster.password.read_text()
        url = URL.create("postgresql", "postgres", password, "127.0.0.1", int(port), "postgres")
        psycopg2.connect(url.render_as_string(hide_password=False), connect_timeout=2).close()
    except (OSError, IndexError, ValueError, psycopg2.OperationalError):
        return None
    return url


def _shell(url: URL) -> int:
    """Run ``psql``; the password is not on its command line, which other users could read."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C cancels a statement, not the shell
    address = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string()
    return subprocess.run(
        [str(binary("psql")), address],
        env={**os.environ, "PGPASSWORD": url.password or ""},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
