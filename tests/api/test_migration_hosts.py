"""``make migrate`` connects to the server directly, never through a pooler."""

import pytest
from sqlalchemy import make_url

from api.database.urls import direct_url
from tests.support.command import finished
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database
from tests.support.http.server import make_settings

POOLED = (
    "postgresql://u:p@ep-cool-name-123-pooler.c-2.eu-central-1.aws.neon.tech/db?sslmode=require"
)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        (POOLED, "ep-cool-name-123.c-2.eu-central-1.aws.neon.tech"),
        (POOLED.replace("-pooler", ""), "ep-cool-name-123.c-2.eu-central-1.aws.neon.tech"),
        ("postgres://u:p@a-pooler.b-pooler.example.com/db", "a.b-pooler.example.com"),
        ("postgres://u:p@db.my-pooler.example.com/db", "db.my-pooler.example.com"),
        ("postgres://u:p@ep-pooler-1.example.com/db", "ep-pooler-1.example.com"),
        ("postgresql+psycopg2://u:p@localhost:6432/db", "localhost"),
    ],
)
def test_migrations_use_the_direct_host(given: str, host: str) -> None:
    url = direct_url(make_settings(database_url=given))

    assert url.host == host
    assert (url.username, url.password, url.database) == ("u", "p", "db")
    assert url.drivername == "postgresql+psycopg2"


@pytest.mark.parametrize("direct", ["postgres://v:q@direct/db2", "postgresql://v:q@direct/db2"])
def test_database_url_direct_takes_precedence(direct: str) -> None:
    url = direct_url(make_settings(database_url=POOLED, database_url_direct=direct))

    assert (url.host, url.username, url.database) == ("direct", "v", "db2")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "Set DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/d"}, "Cannot migrate 127.0.0.1:1"),
        ({"DATABASE_URL": "mysql://u:hidden@127.0.0.1:1/d"}, "DATABASE_URL: must look like"),
    ],
)
def test_make_migrate_reports_one_sentence_per_failure(settings: dict[str, str], said: str) -> None:
    with finished("make", "migrate", settings=settings) as done:
        assert done.process.returncode == 2
        assert len(done.error_lines()) == 1, done.errors
        assert said in done.errors
        assert "hidden" not in done.errors


def test_make_migrate_names_the_database_that_it_migrates(database_url: str) -> None:
    with empty_database(database_url) as meant, empty_database(database_url) as empty:
        url = make_url(empty)
        named = {"DATABASE_URL": meant, "DATABASE_URL_DIRECT": empty}
        with finished("make", "migrate", settings=named) as done:
            assert done.error_lines()[0] == f"Migrating {url.database} on {url.host}:{url.port}."

        assert ask(meant, "SELECT to_regclass('task')") == [(None,)]
        assert ask(empty, "SELECT count(*) FROM task") == [(0,)]


def test_make_resync_names_its_database(database_url: str) -> None:
    url = make_url(database_url)
    with finished("make", "resync", settings={"DATABASE_URL": database_url}) as done:
        [place, _] = done.error_lines()

    assert place == f"Resyncing {url.database} on {url.host}:{url.port}."


def test_make_migrate_creates_the_schema(database_url: str) -> None:
    with empty_database(database_url) as empty:
        with finished("make", "migrate", settings={"DATABASE_URL": empty}) as done:
            assert done.process.returncode == 0
            assert done.error_lines()[-1] == "The database has this release's schema."

        assert ask(empty, "SELECT count(*) FROM task") == [(0,)]
