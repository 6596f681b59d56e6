"""``make run``: the API on this machine, with an embedded PostgreSQL and a generated secret."""

import errno
import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
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
GUNICORN = ("gunicorn", "--config", "deploy/gunicorn.conf.py")


def start(*server: str) -> int:
    """Migrate, run the module ``server``, print a usage example, and stop everything on SIGINT or
    SIGTERM; the exit code.
    """
    config = settings.load()
    _check_address(config.host, config.port)
    stop = Stop()
    with lock_directory(config.data_dir):
        given = config.better_auth_secret
        secret = given.get_secret_value() if given else local_secret(config.data_dir)
        database = nullcontext() if config.database_url else postgres.server(config.data_dir)
        with database as url:
            environment = _environment(config, secret, url)
            with _child(environment, "api.migrations") as migration:
                failed = stop.wait(migration)
            if failed or stop.requested:
                return failed
            return _serve(server, config, secret, environment, stop)


def _environment(config: Settings, secret: str, url: str | None) -> dict[str, str]:
    environment = {**os.environ, "BETTER_AUTH_SECRET": secret}
    environment.setdefault("PROMETHEUS_MULTIPROC_DIR", str(config.data_dir / "metrics"))
    environment.pop("BETTER_AUTH_SECRET_FILE", None)
    return environment | ({"DATABASE_URL": url} if url else {})


class Stop:
    """Records SIGINT and SIGTERM. An exception raised by a signal handler could arrive between
    the start of a child process and the code that stops it.
    """

    def __init__(self) -> None:
        self.requested = False
        signal.signal(signal.SIGINT, self._request)
        signal.signal(signal.SIGTERM, self._request)

    def wait(self, child: Process, *, until: Callable[[], bool] = lambda: False) -> int:
        """Wait until the child exits, a signal arrives or ``until`` is true.

        Returns the child's exit code, else 0.
        """
        while not self.requested and child.poll() is None and not until():
            time.sleep(PAUSE)
        return child.returncode or 0

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


@contextmanager
def _child(environment: dict[str, str], *command: str) -> Iterator[Process]:
    """Run a Python module in a session of its own, so that Ctrl-C reaches this process only."""
    child = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, start_new_session=True
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def _serve(
    server: Sequence[str], config: Settings, secret: str, environment: dict[str, str], stop: Stop
) -> int:
    with _child(environment, *server) as process:
        if stop.wait(process, until=lambda: _is_ready(_base_url(config))):
            raise SystemExit("The API did not start; the lines above give the reason.")
        if not stop.requested:
            print(_usage(config, secret), file=sys.stderr, flush=True)
        return stop.wait(process)


def _usage(config: Settings, secret: str) -> str:
    address = _base_url(config)
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


def _base_url(config: Settings) -> str:
    """The API's URL on this machine; a wildcard address is reached over loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def _is_ready(base_url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{base_url}/readyz", timeout=2):
            return True
    except OSError:
        return False


def _check_address(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise SystemExit(f"HOST: cannot listen on {host} ({error.strerror})") from None
        raise SystemExit(f"Port {port} is busy: choose another one, PORT={port + 1}") from None


@contextmanager
def lock_directory(directory: Path) -> Iterator[None]:
    """Lock the data directory; the kernel releases the lock when the process ends."""
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
    sys.exit(start(*GUNICORN))
