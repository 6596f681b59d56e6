"""The migration that gives the users of before their clock."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url

from api.database.urls import direct_url
from api.migrations.__main__ import alembic_config
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate, unmigrated_server
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

TASKS = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT name, name, name, true FROM unnest(ARRAY['ann', 'bob', 'eve']) name;
INSERT INTO task (user_id, title, priority, tags, idempotency_key, updated_at)
SELECT name, 'of before', 'low', '{}', n, '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 day'
FROM unnest(ARRAY['ann', 'bob']) name, generate_series(1, 3) n
"""
CLOCKS = "SELECT user_id, at::date::text, purged < at, live FROM task_clock ORDER BY user_id"
OF_BEFORE = [(name, "2026-01-04", True, 3) for name in ("ann", "bob")]
FORCED = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'task'"
INVALID = "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"


@pytest.fixture(params=["superuser", "owner without BYPASSRLS"])
def populated(request: pytest.FixtureRequest, server: str) -> Iterator[str]:
    """A database of the previous schema, with tasks."""
    with empty_database(server, owner="table_owner") as admins:
        own = make_url(admins).set(username="table_owner", password="secret")
        url = admins if request.param == "superuser" else own.render_as_string(hide_password=False)
        _change(url, command.upgrade)
        ask(admins, TASKS)
        yield url


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A new PostgreSQL."""
    with unmigrated_server() as url:
        ask(url, "CREATE ROLE table_owner LOGIN PASSWORD 'secret' CREATEROLE")
        ask(url, "CREATE ROLE task_api NOLOGIN; GRANT task_api TO table_owner WITH ADMIN OPTION")
        yield url


def _change(url: str, step: Callable[[Config, str], None]) -> None:
    """Go to the previous schema."""
    config = alembic_config()
    engine = create_engine(direct_url(make_settings(database_url=url)))
    with engine.connect() as config.attributes["connection"]:
        step(config, "0001")
    engine.dispose()


def _seen(server: str, url: str, query: str) -> Any:
    """What no policy hides."""
    admins = make_url(server).set(database=make_url(url).database)
    return ask(admins.render_as_string(hide_password=False), query)


def test_users_with_tasks_get_the_clock_of_their_latest_change(server: str, populated: str) -> None:
    migrate(populated)

    assert _seen(server, populated, CLOCKS) == OF_BEFORE
    assert ask(populated, INVALID) == []
    with (
        serve(make_settings(database_url=populated)) as base,
        User(base, "ann") as ann,
        User(base, "eve") as eve,
    ):
        assert [task["title"] for task in ann.all()] == ["of before"] * 3
        assert ann.delete(ann.one(ann.all()[0]["id"])).status_code == 200
        assert len(ann.all()) == 2
        assert eve.add()["id"]


def test_an_interrupted_migration_can_be_run_again(server: str, populated: str) -> None:
    migrate(populated)
    ask(populated, "UPDATE task_api_version SET version_num = '0001'")

    migrate(populated)

    assert _seen(server, populated, CLOCKS) == OF_BEFORE


def test_going_back_erases_the_trash(server: str, populated: str) -> None:
    migrate(populated)
    with serve(make_settings(database_url=populated)) as base, User(base, "ann") as ann:
        ann.delete(ann.one(ann.all()[0]["id"]))
    _change(populated, command.downgrade)

    assert ask(populated, FORCED) == [(True,)]
    migrate(populated)
    counted = "SELECT user_id, live FROM task_clock ORDER BY user_id"
    assert _seen(server, populated, counted) == [("ann", 2), ("bob", 3)]
