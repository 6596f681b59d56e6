"""The embedded PostgreSQL with the schema that the migrations make."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.database.urls import direct_url
from api.migrations.__main__ import upgrade
from deploy.local import postgres
from tests.support.http.server import make_settings

# A power failure may lose the data of a test.
NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@contextmanager
def readable_folder() -> Iterator[Path]:
    """A temporary folder that other users may enter; pytest's own folders are private to root."""
    path = Path(tempfile.mkdtemp(prefix="tasks-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def migrated_postgres(*options: str) -> Iterator[str]:
    """The URL of a new PostgreSQL that has the schema."""
    with readable_folder() as path, postgres.server(path, *NOT_DURABLE, *options) as url:
        upgrade(direct_url(make_settings(database_url=url)))
        yield url
