"""``make run`` with a mistake: one sentence, an exit code, nothing left running."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from deploy.local import postgres
from tests.deploy.local_run import started_run
from tests.support.command import (
    ROOT,
    Command,
    data_directory,
    finished,
    free_port,
    processes_using,
)
from tests.support.database.embedded_postgres import readable_folder

STRONG = "0123456789-abcdefghijklmnopqrstuvwxyz"
PASSWORD = "correct-horse-battery"
NOWHERE = f"postgresql://alice:{PASSWORD}@127.0.0.1:1/tasks"

SETTINGS = {
    "a database that does not listen": ({"DATABASE_URL": NOWHERE}, "127.0.0.1:1"),
    "another kind of database": ({"DATABASE_URL": f"mysql://u:{PASSWORD}@h/d"}, "DATABASE_URL"),
    "no URL": ({"DATABASE_URL": PASSWORD}, "DATABASE_URL"),
    "a URL with half a port": (
        {"DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:54x2/d"},
        "DATABASE_URL",
    ),
    "both forms of the secret": (
        {"BETTER_AUTH_SECRET": STRONG, "BETTER_AUTH_SECRET_FILE": "/etc/hostname"},
        "BETTER_AUTH_SECRET_FILE",
    ),
    "a missing secret file": (
        {"BETTER_AUTH_SECRET_FILE": "/nowhere/secret"},
        "/nowhere/secret",
    ),
    "a weak secret in production": (
        {"ENVIRONMENT": "production", "BETTER_AUTH_SECRET": "aaaaaaaa" * 8},
        "BETTER_AUTH_SECRET",
    ),
    "a port in words": ({"PORT": "eighty"}, "PORT"),
    "port zero": ({"PORT": "0"}, "PORT"),
    "a port beyond the last": ({"PORT": "65536"}, "PORT"),
    "no workers": ({"WORKERS": "0"}, "WORKERS"),
    "an address of another machine": ({"HOST": "192.0.2.1"}, "HOST"),
    "an address that is none": ({"HOST": "a:b"}, "HOST"),
}


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory."""
    with data_directory() as path:
        yield path


@contextmanager
def refused(data: Path, **settings: str) -> Iterator[Command]:
    """A ``make run`` that fails with one sentence and leaves no process."""
    before = processes_using(data).keys()
    usual = {"DATA_DIR": str(data), "PORT": str(free_port())}
    with finished("make", "run", settings=usual | settings) as command:
        assert command.process.returncode == 2
        assert len(command.error_lines()) == 1, command.errors
        assert command.output == ""
        assert processes_using(data).keys() == before
        yield command


@pytest.mark.parametrize("mistake", SETTINGS)
def test_a_wrong_setting_is_named(mistake: str, data: Path) -> None:
    settings, named = SETTINGS[mistake]

    with refused(data, **settings) as command:
        assert named in command.error_lines()[0]
        assert PASSWORD not in command.errors
        assert "aaaaaaaa" not in command.errors


def test_a_wrong_password_is_named_but_not_shown(data: Path, database_url: str) -> None:
    wrong = make_url(database_url).set(password=PASSWORD)

    with refused(data, DATABASE_URL=wrong.render_as_string(hide_password=False)) as command:
        assert "password authentication failed" in command.error_lines()[0]
        assert PASSWORD not in command.errors


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_dotenv_file_in_another_encoding_is_named(encoding: str, data: Path) -> None:
    with readable_folder() as clone:
        for name in ("Makefile", "api", "deploy", ".venv", "requirements-local.txt"):
            (clone / name).symlink_to(ROOT / name)
        (clone / ".env").write_text("LOG_LEVEL=info  # für alle\n", encoding)
        with finished("make", "run", cwd=clone, settings={"DATA_DIR": f"{data}"}) as command:
            assert command.process.returncode == 2
            assert len(command.error_lines()) == 1, command.errors
            assert ".env: must be text in UTF-8" in command.errors


def test_a_dotenv_file_with_a_byte_order_mark_is_read(data: Path) -> None:
    with readable_folder() as clone:
        for name in ("Makefile", "api", "deploy", ".venv", "requirements-local.txt"):
            (clone / name).symlink_to(ROOT / name)
        (clone / ".env").write_text("PORT=eighty\n", "utf-8-sig")
        with finished("make", "run", cwd=clone, settings={"DATA_DIR": f"{data}"}) as command:
            assert command.error_lines()[0].startswith("PORT: ")


def test_a_busy_port_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        with refused(data, PORT=port) as command:
            assert f"Port {port} is busy" in command.error_lines()[0]


@pytest.mark.slow
def test_a_data_directory_in_use_by_another_run_is_named(data: Path) -> None:
    with started_run(data), refused(data) as command:
        assert f"{data} is in use by another `make run`" in command.error_lines()[0]


def test_a_data_directory_in_use_by_a_left_over_server_is_named(data: Path) -> None:
    with postgres.server(data), refused(data) as command:
        assert f"{data} is in use by another PostgreSQL" in command.error_lines()[0]


def test_a_data_directory_below_a_file_is_named(data: Path) -> None:
    (data / "file").touch()

    with refused(data, DATA_DIR=str(data / "file" / "data")) as command:
        assert f"{data / 'file'}" in command.error_lines()[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_a_data_directory_the_server_user_cannot_enter_is_named(data: Path) -> None:
    closed = data / "closed"
    closed.mkdir(mode=0o700)

    with refused(data, DATA_DIR=str(closed / "data")) as command:
        assert f"cannot enter {closed / 'data'}" in command.error_lines()[0]
