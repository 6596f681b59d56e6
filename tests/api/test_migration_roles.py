"""Migrations and roles: concurrent, by different owners, without BYPASSRLS."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import make_url

from tests.support.command import finished
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate, unmigrated_server
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

WAITING = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE application_name = 'tasks-api-migrate' AND wait_event_type = 'Lock'"
)
MIGRATE = ".venv/bin/python", "-m", "api.migrations"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A new PostgreSQL whose roles these tests change."""
    with unmigrated_server() as url:
        yield url


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A new database, on a server without the role."""
    with empty_database(server) as url:
        yield url
    ask(server, "DROP ROLE IF EXISTS task_api")


def migrated(url: str) -> tuple[int | None, str]:
    """The exit code and the sentences of a migration in a process of its own."""
    with finished(*MIGRATE, settings={"DATABASE_URL": url}) as done:
        return done.process.returncode, done.error_lines()[-1]


DONE = (0, "The database has this release's schema.")


def test_eight_concurrent_migrations_all_succeed(empty: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(migrated, [empty] * 8)) == [DONE] * 8


def test_concurrent_migrations_of_several_databases_share_the_role(server: str, empty: str) -> None:
    with (
        empty_database(server) as second,
        empty_database(server) as third,
        ThreadPoolExecutor(3) as pool,
    ):
        assert list(pool.map(migrated, [empty, second, third])) == [DONE] * 3


def test_a_role_created_concurrently_is_accepted(server: str, empty: str) -> None:
    faster = psycopg2.connect(server)
    with ThreadPoolExecutor(1) as pool, faster.cursor() as cursor:
        cursor.execute("CREATE ROLE task_api NOLOGIN")
        answer = pool.submit(migrated, empty)
        while not ask(empty, WAITING):
            assert not answer.done()
        faster.commit()

        assert answer.result() == DONE
    faster.close()


def test_an_existing_role_is_used(empty: str) -> None:
    ask(empty, "CREATE ROLE task_api NOLOGIN")

    migrate(empty)

    assert ask(empty, "SELECT has_table_privilege('task_api', 'task', 'SELECT')") == [(True,)]


@pytest.mark.parametrize("power", ["BYPASSRLS", "SUPERUSER"])
def test_a_role_that_bypasses_row_level_security_is_refused(power: str, empty: str) -> None:
    ask(empty, f"CREATE ROLE task_api NOLOGIN {power}")

    sentence = "The role task_api must be neither superuser nor BYPASSRLS."

    assert migrated(empty) == (1, sentence)
    assert ask(empty, "SELECT to_regclass('task')") == [(None,)]


@pytest.mark.parametrize("powers", ["CREATEROLE", "CREATEROLE CREATEDB BYPASSRLS"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_database_owner_with_createrole_can_migrate_and_serve(
    powers: str, times: int, server: str
) -> None:
    owner = f"owner_{uuid4().hex}"
    ask(server, f"CREATE ROLE {owner} LOGIN PASSWORD 'secret' {powers}")
    with empty_database(server, owner=owner) as admins:
        url = make_url(admins).set(username=owner, password="secret")
        own = url.render_as_string(hide_password=False)
        for _ in range(times):
            migrate(own)
        with serve(make_settings(database_url=own)) as base, User(base, "ann") as ann:
            task = ann.add()
            with User(base, "bob") as bob:
                assert bob.all() == []
            assert ann.all() == [task]
    ask(server, "DROP ROLE task_api")
    ask(server, f"DROP ROLE {owner}")


def test_an_owner_without_createrole_gets_a_clear_error(server: str) -> None:
    owner = f"owner_{uuid4().hex}"
    ask(server, f"CREATE ROLE {owner} LOGIN PASSWORD 'secret'")
    with empty_database(server, owner=owner) as admins:
        url = make_url(admins).set(username=owner, password="secret")
        with pytest.raises(SystemExit, match=r"^Cannot migrate .*permission denied.*$"):
            migrate(url.render_as_string(hide_password=False))
    ask(server, f"DROP ROLE {owner}")
