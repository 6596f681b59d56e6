"""A new database for one test, on a server that other tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import make_url

from api.database.urls import direct_url
from api.migrations.__main__ import upgrade
from api.migrations.user_table import UserTable
from deploy.local import postgres
from tests.support.database.embedded_postgres import NOT_DURABLE, readable_folder
from tests.support.database.pool import ask
from tests.support.http.server import make_settings


@contextmanager
def unmigrated_server() -> Iterator[str]:
    """The URL of a new PostgreSQL without roles, grants or tables of the API."""
    with readable_folder() as path, postgres.server(path, *NOT_DURABLE) as url:
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
def temporary_database(url: str) -> Iterator[str]:
    """The URL of a new database that has the schema."""
    with empty_database(url) as own:
        migrate(own)
        yield own


def migrate(url: str, user_table: UserTable = "user") -> None:
    """Bring the database to this release's schema."""
    upgrade(direct_url(make_settings(database_url=url)), user_table)
