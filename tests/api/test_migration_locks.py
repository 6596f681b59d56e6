"""Concurrent migrations, and migrations that wait for a lock."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg2
import pytest
from sqlalchemy import make_url

from api.database.urls import direct_url
from api.migrations import locks
from api.migrations.__main__ import upgrade
from api.migrations.locks import ADVISORY_LOCK_KEY
from tests.support.command import finished
from tests.support.database.pgbouncer import pgbouncer
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, unmigrated_server
from tests.support.http.server import make_settings

MIGRATE = ".venv/bin/python", "-m", "api.migrations"
# The columns of Better Auth's table that the foreign key needs.
USERS = """
    CREATE TABLE "user" (
        id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
        "emailVerified" boolean NOT NULL
    )
"""
WAITING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_xact_lock%'"
LOCKED = "a lock is held by another session; no task was changed: try again"
DONE = "The database has this release's schema."


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A new PostgreSQL without our role."""
    with unmigrated_server() as url:
        yield url


def migrated(url: str, **settings: str) -> tuple[int | None, list[str]]:
    """The exit code and the sentences of a migration in a process of its own."""
    with finished(*MIGRATE, settings={"DATABASE_URL": url, **settings}) as done:
        return done.process.returncode, done.error_lines()


@contextmanager
def held(url: str, statement: str) -> Iterator[None]:
    """Hold a lock in another session."""
    with closing(psycopg2.connect(url)) as connection:
        connection.cursor().execute(statement)
        yield


@pytest.mark.slow
def test_eight_concurrent_migrations_through_a_pooler_all_succeed(server: str) -> None:
    with (
        empty_database(server) as url,
        pgbouncer(url, 8) as pooled,
        ThreadPoolExecutor(8) as pool,
    ):
        through = make_url(url).set(port=make_url(pooled).port)
        given = through.render_as_string(hide_password=False)
        with held(url, f"SELECT pg_advisory_lock({ADVISORY_LOCK_KEY})"):
            done = [pool.submit(migrated, given) for _ in range(8)]
            while len(ask(url, WAITING)) < 8:
                assert not any(one.done() for one in done)

    assert [(one.result()[0], one.result()[1][-1]) for one in done] == [(0, DONE)] * 8


@pytest.mark.slow
def test_a_table_lock_that_is_not_released_ends_the_migration_unchanged(server: str) -> None:
    with empty_database(server) as url:
        ask(url, USERS)
        with held(url, 'LOCK TABLE "user"'):
            begun = time.monotonic()
            code, said = migrated(url)
            waited = time.monotonic() - begun

        assert ask(url, "SELECT to_regclass('task')") == [(None,)]
        assert migrated(url) == (0, [*said[:2], DONE])

    assert code == 1
    assert len(said) == 3
    assert said[2].endswith(LOCKED)
    assert locks.TABLE_LOCK_SECONDS <= waited < locks.TABLE_LOCK_SECONDS + 10


def test_a_migration_gives_up_when_the_advisory_lock_stays_taken(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "ADVISORY_LOCK_SECONDS", 1)
    with empty_database(server) as url:
        with held(url, f"SELECT pg_advisory_lock({ADVISORY_LOCK_KEY})"):
            begun = time.monotonic()
            with pytest.raises(SystemExit) as caught:
                upgrade(direct_url(make_settings(database_url=url)))
            waited = time.monotonic() - begun

        assert ask(url, "SELECT to_regclass('task')") == [(None,)]

    assert str(caught.value).endswith(LOCKED)
    assert 1 <= waited < 1 + 10


def test_the_connection_budget_is_checked_against_max_connections(server: str) -> None:
    with empty_database(server) as url:
        fits = migrated(url, WORKERS="2", POOL_SIZE="10", INSTANCES="2")
        tight = migrated(url, WORKERS="4", POOL_SIZE="20")
        too_many = migrated(url, WORKERS="4", POOL_SIZE="20", INSTANCES="2")

    assert fits[0] == tight[0] == 0
    assert fits[1][1] == (
        "The API may open 40 (WORKERS 2 x POOL_SIZE 10 x INSTANCES 2)"
        " of the database's 97 connections."
    )
    assert tight[1][1].endswith("; a rolling restart, which needs twice as many, has not.")
    [refusal] = too_many[1]
    assert too_many[0] == 1
    assert refusal.startswith("The API may open 160 (WORKERS 4 x POOL_SIZE 20 x INSTANCES 2)")
    assert refusal.endswith("has 97: lower one of them, or connect through the pooler.")
