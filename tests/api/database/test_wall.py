"""PostgreSQL itself keeps users apart, also where a statement forgets to ask for the owner."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import make_url

from api.database.statement import PREFIX, ROLE
from tests.support.database.embedded_postgres import migrated_postgres
from tests.support.database.row_level_security import (
    CARELESS,
    PLANTING,
    QUESTIONS,
    administer,
    is_declared,
    keeps_users_apart,
    refuses_planting,
    resident,
    shows_nobody_nothing,
    titles,
)

# How the wall comes down, and which of the questions notice.
CURRENT = "current_setting('app.user_id')"
BREACHES = {
    "ALTER TABLE task DISABLE ROW LEVEL SECURITY": set(QUESTIONS),
    "ALTER TABLE task NO FORCE ROW LEVEL SECURITY": {"declared"},
    f"ALTER TABLE task OWNER TO {ROLE}, NO FORCE ROW LEVEL SECURITY": set(QUESTIONS),
    f"ALTER ROLE {ROLE} BYPASSRLS": set(QUESTIONS),
    "DROP POLICY task_owner ON task": {"apart", "planting"},
    "CREATE POLICY another ON task USING (true)": {"apart", "nobody", "planting"},
    "ALTER POLICY task_owner ON task WITH CHECK (true)": {"planting"},
    f"ALTER POLICY task_owner ON task USING ({CURRENT} IN ('', user_id))": {"nobody"},
}
# The session has values of its own, so that what the prefix sets would show.
SESSION = "-c TimeZone=Asia/Tokyo -c statement_timeout=7s"
LOOK = """
    SELECT current_user, nullif(current_setting('app.user_id', true), ''),
        current_setting('statement_timeout'), current_setting('TimeZone')
"""
DOUBLED = """
    INSERT INTO "user" (id, name, email, "emailVerified") VALUES (%(owner)s, '', '', true)
"""
MESSAGES = {
    "a success": ("SELECT 1", None),
    "a division by zero": ("SELECT 1 / 0", "22012"),
    "an unknown column": ("SELECT nothing FROM task", "42703"),
    "no SQL": ("SELEKT", "42601"),
    "a timeout": ("SELECT pg_sleep(5)", "57014"),
    "a doubled key": (DOUBLED, "23505"),
    "a foreign row": (PLANTING["insert"], "42501"),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A PostgreSQL that these tests may spoil."""
    with migrated_postgres() as url:
        yield url


@pytest.fixture
def spoilt(cluster: str) -> Iterator[str]:
    """A migrated database of one test; the role belongs to the cluster and is set right again."""
    name = f"copy_{uuid4().hex}"
    administer(cluster, f"CREATE DATABASE {name} TEMPLATE postgres")
    yield make_url(cluster).set(database=name).render_as_string(hide_password=False)
    administer(cluster, f"ALTER ROLE {ROLE} NOBYPASSRLS")


@pytest.mark.parametrize("statement", CARELESS.values(), ids=CARELESS)
def test_a_statement_without_owner_clause_reaches_the_senders_rows_alone(
    statement: str, database_url: str
) -> None:
    assert keeps_users_apart(database_url, statement)


@pytest.mark.parametrize("statement", CARELESS.values(), ids=CARELESS)
def test_without_a_user_no_row_is_reached(statement: str, database_url: str) -> None:
    assert shows_nobody_nothing(database_url, statement)


@pytest.mark.parametrize("statement", PLANTING.values(), ids=PLANTING)
def test_nobody_makes_a_row_of_somebody_else(statement: str, database_url: str) -> None:
    assert refuses_planting(database_url, statement)


def test_the_role_is_bound_and_the_table_forces_it(database_url: str) -> None:
    assert is_declared(database_url)


def test_the_role_alone_sees_nothing(database_url: str) -> None:
    resident(database_url)

    assert administer(database_url, f"SET ROLE {ROLE}; SELECT count(*) FROM task") == [(0,)]


def test_the_role_may_do_what_the_operations_need_and_no_more(database_url: str) -> None:
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

    assert set(tables) == {("task", verb) for verb in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    assert set(columns) == {(c, "INSERT") for c in ("id", "name", "email", "emailVerified")}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_noticed(breach: str, spoilt: str) -> None:
    before = {name for name, holds in QUESTIONS.items() if not holds(spoilt)}
    administer(spoilt, breach)

    after = {name for name, holds in QUESTIONS.items() if not holds(spoilt)}

    assert before == set()
    assert after == BREACHES[breach]


@pytest.mark.parametrize(("statement", "code"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_leaves_nothing_on_its_connection(
    statement: str, code: str | None, database_url: str
) -> None:
    alice, bob = resident(database_url), resident(database_url)
    message = PREFIX.format(milliseconds=100) + statement
    with closing(psycopg2.connect(database_url, options=SESSION)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(LOOK)
        before = cursor.fetchall()
        found = None
        try:
            cursor.execute(message, {"owner": bob, "other": alice})
        except psycopg2.Error as error:
            found = error.pgcode
        status = connection.info.transaction_status
        cursor.execute(LOOK)
        after = cursor.fetchall()

    assert found == code
    assert status == TRANSACTION_STATUS_IDLE
    assert after == before == [("postgres", None, "7s", "Asia/Tokyo")]


@pytest.mark.parametrize("might", ["NOBYPASSRLS", "BYPASSRLS"])
def test_deleting_a_user_takes_the_tasks_along_although_the_wall_binds_the_owner(
    might: str, spoilt: str
) -> None:
    alice, bob = resident(spoilt), resident(spoilt)
    landlord = f"landlord_{might.lower()}"
    administer(spoilt, f"CREATE ROLE {landlord} {might}")
    for table in ('"user"', "task"):
        administer(spoilt, f"ALTER TABLE {table} OWNER TO {landlord}")

    seen = administer(spoilt, f"SET ROLE {landlord}; SELECT count(*) FROM task")
    administer(spoilt, f'SET ROLE {landlord}; DELETE FROM "user" WHERE id = %(id)s', id=alice)

    assert seen == [(0 if might == "NOBYPASSRLS" else 6,)]
    assert titles(spoilt, alice) == []
    assert titles(spoilt, bob) == ["kept"] * 3
