"""Migrations: upgrade, downgrade, and agreement with the models and Better Auth."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url
from sqlmodel import SQLModel

from api.database.urls import direct_url
from api.migrations.__main__ import alembic_config
from tests.api.better_auth_tables import BETTER_AUTH
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

USERS = 'SELECT * FROM "user" ORDER BY id'
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, is_generated
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position
"""
OBJECTS = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint
  WHERE conrelid::regclass::text IN ('task', 'task_clock', 'task_batch')
UNION ALL SELECT concat(polname, polcmd, pg_get_expr(polqual, polrelid)) FROM pg_policy
UNION ALL SELECT concat(relname, relrowsecurity, relforcerowsecurity) FROM pg_class
  WHERE relname IN ('task', 'task_clock', 'task_batch')
UNION ALL SELECT concat(table_name, privilege_type) FROM information_schema.role_table_grants
  WHERE grantee = 'task_api' ORDER BY 1
"""

TABLES = ["task", "task_clock", "task_batch"]


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """A new database."""
    with empty_database(database_url) as url:
        yield url


def schema(url: str) -> Any:
    """Columns, indexes, constraints, policies and grants."""
    return ask(url, COLUMNS), ask(url, OBJECTS)


def downgrade(url: str) -> None:
    """Revert every revision."""
    config = alembic_config()
    engine = create_engine(direct_url(make_settings(database_url=url)))
    with engine.connect() as config.attributes["connection"]:
        command.downgrade(config, "base")
    engine.dispose()


def test_a_second_run_changes_nothing(empty: str) -> None:
    migrate(empty)
    before = schema(empty)

    migrate(empty)

    assert schema(empty) == before
    assert ("task",) in ask(empty, "SELECT DISTINCT table_name FROM information_schema.tables")


def test_models_and_schema_agree(empty: str) -> None:
    migrate(empty)
    engine = create_engine(make_url(empty).set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name in TABLES,
                "include_object": lambda _, name, kind, *__: (
                    kind == "column" or (kind == "table" and name in TABLES)
                ),
            },
        )
        differences = compare_metadata(context, SQLModel.metadata)
    engine.dispose()

    assert differences == []


@pytest.mark.parametrize("table", TABLES)
def test_columns_have_the_same_order_in_model_and_schema(table: str, empty: str) -> None:
    migrate(empty)

    columns = ask(empty, COLUMNS.replace("ORDER", f"AND table_name = '{table}' ORDER"))

    assert [(name, nullable == "YES") for _, name, _, nullable, *_ in columns] == [
        (column.name, column.nullable) for column in SQLModel.metadata.tables[table].columns
    ]


def test_downgrade_and_upgrade_restore_the_same_schema(empty: str) -> None:
    ask(empty, BETTER_AUTH)
    migrate(empty)
    before, users = schema(empty), ask(empty, USERS)

    downgrade(empty)
    assert ask(empty, "SELECT to_regclass('task')") == [(None,)]
    assert ask(empty, USERS) == users

    migrate(empty)
    assert schema(empty) == before


def test_migrations_leave_the_tables_of_better_auth_unchanged(empty: str) -> None:
    ask(empty, BETTER_AUTH)
    tables = COLUMNS.replace("ORDER", "AND table_name IN ('user', 'session') ORDER")
    before = ask(empty, tables), ask(empty, USERS), ask(empty, "SELECT * FROM session")

    migrate(empty)

    assert (ask(empty, tables), ask(empty, USERS), ask(empty, "SELECT * FROM session")) == before


def test_the_created_user_table_equals_that_of_better_auth(empty: str) -> None:
    users = COLUMNS.replace("ORDER", "AND table_name = 'user' ORDER")
    migrate(empty)
    ours = ask(empty, users)
    ask(empty, 'DROP TABLE task, task_clock, task_batch, "user"')
    ask(empty, BETTER_AUTH)

    assert ours == ask(empty, users)


def test_deleting_a_user_deletes_the_users_tasks(empty: str) -> None:
    migrate(empty)
    with serve(make_settings(database_url=empty)) as base, User(base, "ann") as ann:
        ann.add()
        ask(empty, """DELETE FROM "user" WHERE id = 'ann'""")

        assert ann.all() == []
