"""After a restore from a backup every device starts afresh."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url

from api.database.urls import direct_url
from api.migrations.resync import resync
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate, unmigrated_server
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

FORCED = "SELECT relforcerowsecurity FROM pg_class WHERE relname IN ('task', 'task_clock')"
BACK_UP = """
CREATE TABLE saved_task AS SELECT * FROM task;
CREATE TABLE saved_clock AS SELECT * FROM task_clock
"""
RESTORE = """
DELETE FROM task; DELETE FROM task_clock;
INSERT INTO task_clock SELECT * FROM saved_clock;
INSERT INTO task (id, user_id, title, priority, tags, created_at, updated_at, idempotency_key)
OVERRIDING SYSTEM VALUE
SELECT id, user_id, title, priority, tags, created_at, updated_at, idempotency_key FROM saved_task
"""


# By SQL alone: without a clock, and with a version that is still to come.
INSERT = """
INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('bea', 'Bea', 'b@example.com', true);
INSERT INTO task (user_id, title, priority, tags, updated_at, idempotency_key, deleted_at)
VALUES ('bea', 'live', 'medium', '{}', now() + interval '1 hour', '1', NULL),
    ('bea', 'trashed', 'medium', '{}', now(), '2', now());
DELETE FROM task WHERE user_id = 'ann' AND title = 'removed'
"""
LIVE = "SELECT user_id, live FROM task_clock ORDER BY user_id"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A new PostgreSQL."""
    with unmigrated_server() as url:
        ask(url, "CREATE ROLE table_owner LOGIN PASSWORD 'secret' CREATEROLE")
        ask(url, "CREATE ROLE task_api NOLOGIN; GRANT task_api TO table_owner WITH ADMIN OPTION")
        yield url


@pytest.fixture(params=["superuser", "owner without BYPASSRLS"])
def database(request: pytest.FixtureRequest, server: str) -> Iterator[tuple[str, str]]:
    """A migrated database: the URL of a superuser, and that of the migrating user."""
    with empty_database(server, owner="table_owner") as admins:
        own = make_url(admins).set(username="table_owner", password="secret")
        url = admins if request.param == "superuser" else own.render_as_string(hide_password=False)
        migrate(url)
        yield admins, url


def changes(user: User, since: str = "") -> Any:
    """The answer to a request for changes."""
    return user.get(f"{user.tasks}/changes", params={"since": since} if since else {})


def test_every_device_starts_afresh(database: tuple[str, str]) -> None:
    admins, url = database
    with serve(make_settings(database_url=admins)) as base, User(base, "ann") as user:
        task = user.add()
        ask(admins, BACK_UP)
        user.add("lost")
        since = changes(user).json()["next"]
        ask(admins, RESTORE)

        assert resync(direct_url(make_settings(database_url=url))) == 1

        # It has passed the clock of before, which alone would not look too old.
        user.add("new")
        assert changes(user, since).status_code == 410
        found = changes(user).json()
        assert found["changes"][0]["id"] == task["id"]
        assert len(found["changes"]) == 2
        assert changes(user, found["next"]).json()["changes"] == []
    assert ask(admins, FORCED) == [(True,), (True,)]


def test_a_device_that_starts_afresh_goes_on_before_the_next_write(
    database: tuple[str, str],
) -> None:
    admins, url = database
    with serve(make_settings(database_url=admins)) as base, User(base, "ann") as user:
        user.add()
        resync(direct_url(make_settings(database_url=url)))
        since = changes(user).json()["next"]

        assert changes(user, since).json()["changes"] == []


def test_tasks_that_were_inserted_or_removed_by_sql_are_counted(
    database: tuple[str, str],
) -> None:
    admins, url = database
    settings = make_settings(database_url=admins)
    with serve(settings) as base, User(base, "ann") as ann, User(base, "bea") as bea:
        ann.add("removed")
        ann.add("kept")
        ask(admins, INSERT)

        assert resync(direct_url(make_settings(database_url=url))) == 2

        assert ask(admins, LIVE) == [("ann", 1), ("bea", 1)]
        page = changes(bea).json()
        [task] = page["changes"]
        assert bea.patch(f"{bea.tasks}/{task['id']}/complete").status_code == 200
        [change] = changes(bea, page["next"]).json()["changes"]
        assert change["updated_at"] > task["updated_at"]


def test_a_database_that_is_not_migrated_is_one_sentence(server: str) -> None:
    with empty_database(server) as url, pytest.raises(SystemExit) as ended:
        resync(direct_url(make_settings(database_url=url)))

    assert str(ended.value).startswith("Cannot resync 127.0.0.1:")
    assert "task_clock" in str(ended.value)
