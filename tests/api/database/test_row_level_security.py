"""Row-level security isolates users even if a statement has no condition on user_id."""

from collections.abc import Iterator
from contextlib import closing
from itertools import product
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import make_url

from api.database.statement import PREFIX, ROLE
from tests.support.database.embedded_postgres import migrated_postgres
from tests.support.database.row_level_security import (
    CHECKS,
    FOREIGN_WRITES,
    TABLES,
    WITHOUT_USER_CONDITION,
    administer,
    hides_all_rows_without_a_user,
    is_declared,
    reaches_only_own_rows,
    refuses_foreign_writes,
    rows_of,
    user_with_tasks,
)

# Statements that weaken row-level security, and the checks that must then fail.
CURRENT = "current_setting('app.user_id')"
WEAKENED = {
    "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY": set(CHECKS),
    "ALTER TABLE {0} NO FORCE ROW LEVEL SECURITY": {"declaration"},
    f"ALTER TABLE {{0}} OWNER TO {ROLE}, NO FORCE ROW LEVEL SECURITY": set(CHECKS),
    f"ALTER ROLE {ROLE} BYPASSRLS": set(CHECKS),
    "DROP POLICY {0}_owner ON {0}": {"isolation", "foreign writes"},
    "CREATE POLICY another ON {0} USING (true)": {"isolation", "no user", "foreign writes"},
    "ALTER POLICY {0}_owner ON {0} WITH CHECK (true)": {"foreign writes"},
    f"ALTER POLICY {{0}}_owner ON {{0}} USING ({CURRENT} IN ('', user_id))": {"no user"},
}
# The session has values that differ from those of the prefix, so that a leak would show.
SESSION = "-c TimeZone=Asia/Tokyo -c statement_timeout=7s"
LOOK = """
    SELECT current_user, nullif(current_setting('app.user_id', true), ''),
        current_setting('statement_timeout'), current_setting('TimeZone')
"""
DOUBLED = """
    INSERT INTO "user" (id, name, email, "emailVerified") VALUES (%(user_id)s, '', '', true)
"""
MESSAGES = {
    "a success": ("SELECT 1", None),
    "a division by zero": ("SELECT 1 / 0", "22012"),
    "an unknown column": ("SELECT nothing FROM task", "42703"),
    "no SQL": ("SELEKT", "42601"),
    "a timeout": ("SELECT pg_sleep(5)", "57014"),
    "a doubled key": (DOUBLED, "23505"),
    "a foreign row": (FOREIGN_WRITES[0][1], "42501"),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A PostgreSQL whose roles these tests change."""
    with migrated_postgres() as url:
        yield url


@pytest.fixture
def changed(cluster: str) -> Iterator[str]:
    """A migrated database for one test; the role, which is cluster-wide, is restored."""
    name = f"copy_{uuid4().hex}"
    administer(cluster, f"CREATE DATABASE {name} TEMPLATE postgres")
    yield make_url(cluster).set(database=name).render_as_string(hide_password=False)
    administer(cluster, f"ALTER ROLE {ROLE} NOBYPASSRLS")


@pytest.mark.parametrize(("table", "statement"), WITHOUT_USER_CONDITION)
def test_statement_without_user_condition_reaches_only_own_rows(
    table: str, statement: str, database_url: str
) -> None:
    assert reaches_only_own_rows(database_url, table, statement)


@pytest.mark.parametrize(("table", "statement"), WITHOUT_USER_CONDITION)
def test_without_a_user_no_row_is_reached(table: str, statement: str, database_url: str) -> None:
    assert hides_all_rows_without_a_user(database_url, table, statement)


@pytest.mark.parametrize(("table", "statement"), FOREIGN_WRITES)
def test_row_of_another_user_cannot_be_written(
    table: str, statement: str, database_url: str
) -> None:
    assert refuses_foreign_writes(database_url, table, statement)


@pytest.mark.parametrize("table", TABLES)
def test_row_level_security_is_forced_and_binds_the_role(table: str, database_url: str) -> None:
    assert is_declared(database_url, table)


@pytest.mark.parametrize("table", TABLES)
def test_role_without_a_user_sees_no_rows(table: str, database_url: str) -> None:
    user_with_tasks(database_url)

    assert administer(database_url, f"SET ROLE {ROLE}; SELECT count(*) FROM {table}") == [(0,)]


def test_role_has_only_the_privileges_of_the_operations(database_url: str) -> None:
    tables = administer(
        database_url,
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = %(role)s",
        role=ROLE,
    )
    columns = administer(
        database_url,
        "SELECT column_name, privilege_type FROM information_schema.role_column_grants "
        "WHERE grantee = %(role)s AND table_name = 'user'",
        role=ROLE,
    )

    assert set(tables) == {*product(TABLES, ("SELECT", "INSERT", "UPDATE", "DELETE"))}
    inserted = ("id", "name", "email", "emailVerified")
    assert set(columns) == {("id", "SELECT"), *((column, "INSERT") for column in inserted)}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("weakening", WEAKENED)
def test_weakened_row_level_security_fails_its_checks(
    weakening: str, table: str, changed: str
) -> None:
    before = {name for name, holds in CHECKS.items() if not holds(changed, table)}
    administer(changed, weakening.format(table))

    after = {name for name, holds in CHECKS.items() if not holds(changed, table)}

    assert before == set()
    assert after == WEAKENED[weakening]


@pytest.mark.parametrize(("statement", "code"), MESSAGES.values(), ids=MESSAGES)
def test_message_leaves_no_settings_on_its_connection(
    statement: str, code: str | None, database_url: str
) -> None:
    alice, bob = user_with_tasks(database_url), user_with_tasks(database_url)
    message = PREFIX.format(milliseconds=100) + statement
    with closing(psycopg2.connect(database_url, options=SESSION)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(LOOK)
        before = cursor.fetchall()
        found = None
        try:
            cursor.execute(message, {"user_id": bob, "other": alice})
        except psycopg2.Error as error:
            found = error.pgcode
        status = connection.info.transaction_status
        cursor.execute(LOOK)
        after = cursor.fetchall()

    assert found == code
    assert status == TRANSACTION_STATUS_IDLE
    assert after == before == [("postgres", None, "7s", "Asia/Tokyo")]


@pytest.mark.parametrize("attribute", ["NOBYPASSRLS", "BYPASSRLS"])
def test_deleting_a_user_deletes_the_tasks_although_the_table_owner_is_bound(
    attribute: str, changed: str
) -> None:
    alice, bob = user_with_tasks(changed), user_with_tasks(changed)
    table_owner = f"table_owner_{attribute.lower()}"
    administer(changed, f"CREATE ROLE {table_owner} {attribute}")
    for table in ('"user"', *TABLES):
        administer(changed, f"ALTER TABLE {table} OWNER TO {table_owner}")

    seen = administer(changed, f"SET ROLE {table_owner}; SELECT count(*) FROM task")
    administer(changed, f'SET ROLE {table_owner}; DELETE FROM "user" WHERE id = %(id)s', id=alice)

    assert seen == [(0 if attribute == "NOBYPASSRLS" else 6,)]
    assert [len(rows_of(changed, alice, table)) for table in TABLES] == [0, 0, 0]
    assert [len(rows_of(changed, bob, table)) for table in TABLES] == [3, 1, 1]
