"""Checks that row-level security isolates users, on any database."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import psycopg2

from api.database.engine import Database, Rows
from api.database.statement import ROLE, CompiledStatement
from api.problems.problem import Problem
from tests.support.http.server import make_settings

ADD_USER = """
    INSERT INTO "user" (id, name, email, "emailVerified")
    VALUES (%(id)s, %(id)s, %(id)s, true)
"""
ADD_TASKS = """
    INSERT INTO task (user_id, title, priority, tags, idempotency_key)
    SELECT %(id)s, 'kept', 'low', '{}', n::text FROM generate_series(1, 3) n
"""
# Without a condition on user_id, so that row-level security alone limits the rows.
WITHOUT_USER_CONDITION = {
    "select": "SELECT user_id FROM task",
    "update": "UPDATE task SET title = 'taken' RETURNING user_id",
    "delete": "DELETE FROM task RETURNING user_id",
}
# Writes of rows that would belong to another user. Without RETURNING, which also needs the right
# to read them.
FOREIGN_WRITES = {
    "insert": "INSERT INTO task (user_id, title, priority, tags, idempotency_key) "
    "VALUES (%(other)s, 'foreign', 'low', '{}', 'new')",
    "update": "UPDATE task SET user_id = %(other)s",
}
DECLARED = """
    SELECT relrowsecurity AND relforcerowsecurity,
        rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolreplication,
        pg_has_role(rolname, relowner, 'MEMBER')
    FROM pg_class, pg_roles WHERE pg_class.oid = 'task'::regclass AND rolname = %(role)s
"""


def administer(url: str, statement: str, **values: object) -> Rows:
    """Run a statement as the superuser, whom no policy binds."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def send(url: str, statement: str, owner: str, **values: object) -> Rows:
    """Send a statement as the API does: with its prefix, on its pool."""

    async def once() -> Rows:
        database = Database(make_settings(database_url=url))
        try:
            return await database.run(
                CompiledStatement("row_level_security", statement, {}, writes=True), owner, **values
            )
        finally:
            await database.close()

    return asyncio.run(once())


def user_with_tasks(url: str) -> str:
    """A new user with three tasks."""
    user = f"user-{uuid4().hex}"
    administer(url, ADD_USER, id=user)
    administer(url, ADD_TASKS, id=user)
    return user


def titles(url: str, user: str) -> list[str]:
    """The titles of the user's tasks."""
    return [row[0] for row in administer(url, "SELECT title FROM task WHERE user_id=%(u)s", u=user)]


def reaches_only_own_rows(url: str, statement: str) -> bool:
    """Whether a statement without user condition reaches all rows of its sender and no others."""
    alice, bob = user_with_tasks(url), user_with_tasks(url)

    return send(url, statement, bob) == [(bob,)] * 3 and titles(url, alice) == ["kept"] * 3


def hides_all_rows_without_a_user(url: str, statement: str) -> bool:
    """Whether a statement without user condition reaches no row if no user is set."""
    alice = user_with_tasks(url)

    return send(url, statement, "") == [] and titles(url, alice) == ["kept"] * 3


def refuses_foreign_writes(url: str, statement: str) -> bool:
    """Whether the policy, and not a missing grant, refuses rows of other users."""
    alice, bob = user_with_tasks(url), user_with_tasks(url)
    try:
        send(url, statement, bob, other=alice)
    except Problem as problem:
        cause = problem.__cause__
        assert isinstance(cause, psycopg2.Error)
        return cause.pgcode == "42501" and "row-level security" in str(cause)
    return False


def is_declared(url: str) -> bool:
    """Whether row-level security is forced, and the role neither privileged nor the owner."""
    return administer(url, DECLARED, role=ROLE) == [(True, False, False)]


CHECKS: dict[str, Callable[[str], bool]] = {
    "isolation": lambda url: all(
        reaches_only_own_rows(url, statement) for statement in WITHOUT_USER_CONDITION.values()
    ),
    "no user": lambda url: all(
        hides_all_rows_without_a_user(url, text) for text in WITHOUT_USER_CONDITION.values()
    ),
    "foreign writes": lambda url: all(
        refuses_foreign_writes(url, text) for text in FOREIGN_WRITES.values()
    ),
    "declaration": is_declared,
}
