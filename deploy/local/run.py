"""``make run``: the API on this machine, with a database and a secret of its own if need be."""

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from api.config import settings
from api.config.settings import Settings
from deploy.local import postgres
from deploy.local.access_token import local_secret, mint

Process = subprocess.Popen[bytes]

PAUSE = 0.05
EXAMPLE_USER = "alice"


def main() -> int:
    """Start everything, say how to use it, and stop everything on SIGINT or SIGTERM."""
    config = settings.load()
    _check_port(config.port)
    stop = Stop()
    with _only_one(config.data_dir):
        given = config.better_auth_secret
        secret = given.get_secret_value() if given else local_secret(config.data_dir)
        environment = {**os.environ, "BETTER_AUTH_SECRET": secret}
        environment.setdefault("PROMETHEUS_MULTIPROC_DIR", str(config.data_dir / "metrics"))
        environment.pop("BETTER_AUTH_SECRET_FILE", None)
        database = nullcontext() if config.database_url else postgres.server(config.data_dir)
        with database as url:
            if url:
                environment["DATABASE_URL"] = url
            with _child(environment, "api.migrations") as migration:
                failed = stop.wait(migration)
            if failed or stop.asked:
                return failed
            return _serve(config, secret, environment, stop)


class Stop:
    """Remembers SIGINT and SIGTERM; an exception in their place could come between the start of a
    child and the code that stops it.
    """

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def wait(self, child: Process, *, until: Callable[[], bool] = lambda: False) -> int:
        """Wait for the child's end (its exit code), for a signal, or ``until`` (both 0)."""
        while not self.asked and child.poll() is None and not until():
            time.sleep(PAUSE)
        return child.returncode or 0

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


@contextmanager
def _child(environment: dict[str, str], *command: str) -> Iterator[Process]:
    """Run a module of ours; in a session of its own, so that Ctrl-C reaches us alone."""
    child = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, start_new_session=True
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def _serve(config: Settings, secret: str, environment: dict[str, str], stop: Stop) -> int:
    with _child(environment, "gunicorn", "--config", "deploy/gunicorn.conf.py") as server:
        if stop.wait(server, until=lambda: _is_ready(config.port)):
            raise SystemExit("The API did not start; the lines above say why.")
        if not stop.asked:
            print(_invitation(config, secret), file=sys.stderr, flush=True)
        return stop.wait(server)


def _invitation(config: Settings, secret: str) -> str:
    address = f"http://127.0.0.1:{config.port}"
    ready = f"\nReady on {address} (Ctrl-C stops it)."
    if config.environment == "production":
        return ready
    token = mint(config, secret, EXAMPLE_USER)
    call = [
        "curl",
        f"{address}/api/{EXAMPLE_USER}/tasks",
        "--header",
        f"Authorization: Bearer {token}",
        "--json",
        '{"title": "Buy milk"}',
    ]
    return f"{ready} Make a first task:\n\n{shlex.join(call)}\n"


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
            return True
    except OSError:
        return False


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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise SystemExit(f"DATA_DIR: {directory} cannot be used ({error.strerror})") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(
                f"The data directory {directory} is in use by another `make run`: "
                "stop that one, or choose another folder with DATA_DIR="
            ) from None
        yield


if __name__ == "__main__":
    sys.exit(main())
