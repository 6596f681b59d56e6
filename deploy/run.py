"""``make run``: the API on this machine, with a database and a secret of its own if need be."""

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from api import settings
from api.auth.devtoken import local_secret, mint
from api.database import embedded
from api.settings import Settings

START_SECONDS = 60
EXAMPLE_USER = "alice"


def main() -> int:
    """Start everything, say how to use it, and stop everything on SIGINT or SIGTERM."""
    config = settings.load()
    _check_port(config.port)
    with _only_one(config.data_dir):
        given = config.better_auth_secret
        secret = given.get_secret_value() if given else local_secret(config.data_dir)
        environment = {**os.environ, "BETTER_AUTH_SECRET": secret}
        environment.pop("BETTER_AUTH_SECRET_FILE", None)
        database = nullcontext() if config.database_url else embedded.server(config.data_dir)
        with _signals_raise(), database as url:
            if url:
                environment["DATABASE_URL"] = url
            subprocess.run([sys.executable, "-m", "api.migrations"], env=environment, check=True)
            return _serve(config, secret, environment)


def _serve(config: Settings, secret: str, environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        _wait_until_ready(server, config.port)
        print(_invitation(config, secret), file=sys.stderr, flush=True)
        return server.wait()
    finally:
        server.terminate()
        server.wait()


def _invitation(config: Settings, secret: str) -> str:
    address = f"http://127.0.0.1:{config.port}"
    token = mint(config, secret, EXAMPLE_USER)
    call = [
        "curl",
        f"{address}/api/{EXAMPLE_USER}/tasks",
        "--header",
        f"Authorization: Bearer {token}",
        "--json",
        '{"title": "Buy milk"}',
    ]
    return f"\nReady on {address} (Ctrl-C stops it). Make a first task:\n\n{shlex.join(call)}\n"


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise SystemExit("The API did not start; the lines above say why.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"The API was not ready after {START_SECONDS} s.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SystemExit(f"Port {port} is busy: choose another one, PORT={port + 1}") from None


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the data directory; the lock goes with the process, however it ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(
                f"The data directory {directory} is in use by another `make run`: "
                "stop that one, or choose another folder with DATA_DIR="
            ) from None
        yield


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Let SIGINT and SIGTERM unwind the stack, so that whatever was started is stopped."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(0)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    yield


if __name__ == "__main__":
    sys.exit(main())
