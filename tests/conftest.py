"""One PostgreSQL and one server for the whole run; each test makes its own users."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pytest

from api.config.settings import Settings
from api.telemetry import logs
from tests.support.database.embedded_postgres import migrated_postgres
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.required_tools import summary

# No setting of the caller's environment reaches the tests: not ours, libpq's, nor a proxy.
SETTINGS = {name.upper() for name in Settings.model_fields}
for name in [*os.environ]:
    if name in SETTINGS or name.startswith("PG") or name.lower().endswith("_proxy"):
        del os.environ[name]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """End the run with one line that names the missing tools and their packages."""
    yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal and (skipped := terminal.stats.get("skipped")):
        terminal.write_line(summary(report.longrepr[2] for report in skipped))


@pytest.fixture(scope="session", autouse=True)
def log() -> Iterator[BinaryIO]:
    """What the API logs, read on from where the last test stopped."""
    with tempfile.NamedTemporaryFile() as file, Path(file.name).open("rb", buffering=0) as reader:
        logs.configure("info", file.fileno())
        logging.captureWarnings(capture=False)  # warnings are pytest's here
        yield reader


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A migrated PostgreSQL; where none can start, no test needs to try again."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(migrated_postgres())
        except SystemExit as error:
            pytest.exit(f"{error}", returncode=1)
        yield url


@pytest.fixture(scope="session")
def base_url(database_url: str) -> Iterator[str]:
    """The API with its default settings."""
    origins = "https://app.example.com"
    with serve(make_settings(database_url=database_url, cors_origins=origins)) as url:
        yield url


@pytest.fixture
def new_user(base_url: str) -> Iterator[Callable[[], User]]:
    """Makes new users."""
    users: list[User] = []

    def make() -> User:
        users.append(User(base_url, f"user-{uuid4().hex}"))
        return users[-1]

    yield make
    for user in users:
        user.close()


@pytest.fixture
def alice(new_user: Callable[[], User]) -> User:
    """A new user."""
    return new_user()


@pytest.fixture
def bob(new_user: Callable[[], User]) -> User:
    """Another new user."""
    return new_user()
