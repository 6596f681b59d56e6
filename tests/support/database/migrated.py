"""A real PostgreSQL for the tests, migrated by the product's own migrations."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.database.urls import direct_url
from api.migrations.__main__ import upgrade
from deploy.local import postgres
from tests.support.http.server import make_settings

# The tests may lose their data with the power.
FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that the server's user may enter; pytest's own are closed to everybody else."""
    path = Path(tempfile.mkdtemp(prefix="tasks-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def migrated(*options: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL that has the schema."""
    with folder() as path, postgres.server(path, *FAST, *options) as url:
        upgrade(direct_url(make_settings(database_url=url)))
        yield url
