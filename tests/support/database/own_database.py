"""A database of a test's own, on a server that others use too."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import make_url

from api.database.urls import direct_url
from api.migrations.__main__ import upgrade
from deploy.local import postgres
from tests.support.database.migrated import FAST, folder
from tests.support.database.pool import ask
from tests.support.http.server import make_settings


@contextmanager
def roleless_server() -> Iterator[str]:
    """The URL of a new PostgreSQL that no migration has seen."""
    with folder() as path, postgres.server(path, *FAST) as url:
        yield url


@contextmanager
def empty_database(url: str, *, owner: str = "postgres") -> Iterator[str]:
    """The URL of a new database without any table."""
    name = f"test_{uuid4().hex}"
    ask(url, f"CREATE DATABASE {name} OWNER {owner}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        ask(url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_database(url: str) -> Iterator[str]:
    """The URL of a new database that has the schema."""
    with empty_database(url) as own:
        migrate(own)
        yield own


def migrate(url: str) -> None:
    """Bring the database to this release's schema."""
    upgrade(direct_url(make_settings(database_url=url)))
