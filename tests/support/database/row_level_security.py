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
ADD_ROWS = """
    INSERT INTO task (user_id, title, priority, tags, idempotency_key)
    SELECT %(id)s, 'kept', 'low', '{}', n::text FROM generate_series(1, 3) n;
    INSERT INTO task_clock (user_id, at, purged, live) VALUES (%(id)s, now(), now(), 3);
    INSERT INTO task_batch (user_id, idempotency_key, request_hash, task_ids)
    VALUES (%(id)s, 'kept', 'kept', '{}')
"""
# Per table a change, and a row that would belong to another user.
TABLES = {
    "task": (
        "title = 'taken'",
        "(user_id, title, priority, tags, idempotency_key) VALUES (%(other)s, '', 'low', '{}', '')",
    ),
    "task_clock": ("live = 0", "(user_id, at, purged, live) VALUES (%(other)s, now(), now(), 0)"),
    "task_batch": (
        "request_hash = 'taken'",
        "(user_id, idempotency_key, request_hash, task_ids) VALUES (%(other)s, 'new', '', '{}')",
    ),
}
# Without a condition on user_id, so that row-level security alone limits the rows.
WITHOUT_USER_CONDITION = [
    (table, statement)
    for table, (change, _) in TABLES.items()
    for statement in (
        f"SELECT user_id FROM {table}",
        f"UPDATE {table} SET {change} RETURNING user_id",
        f"DELETE FROM {table} RETURNING user_id",
    )
]
# Writes of rows that would belong to another user. Without RETURNING, which also needs the right
# to read them.
FOREIGN_WRITES = [
    (table, statement)
    for table, (_, row) in TABLES.items()
    for statement in (f"INSERT INTO {table} {row}", f"UPDATE {table} SET user_id = %(other)s")
]
DECLARED = """
    SELECT relrowsecurity AND relforcerowsecurity,
        rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolreplication,
        pg_has_role(rolname, relowner, 'MEMBER')
    FROM pg_class, pg_roles WHERE pg_class.oid = %(table)s::regclass AND rolname = %(role)s
"""


def administer(url: str, statement: str, **values: object) -> Rows:
    """Run a statement as the superuser, whom no policy binds."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def send(url: str, statement: str | CompiledStatement, owner: str, **values: object) -> Rows:
    """Send a statement as the API does: with its prefix, on its pool."""
    if isinstance(statement, str):
        statement = CompiledStatement("row_level_security", statement, {}, writes=True)

    async def once() -> Rows:
        database = Database(make_settings(database_url=url))
        try:
            return await database.run(statement, owner, **values)
        finally:
            await database.close()

    return asyncio.run(once())


def user_with_tasks(url: str) -> str:
    """A new user with three tasks, a clock and a batch."""
    user = f"user-{uuid4().hex}"
    administer(url, ADD_USER, id=user)
    administer(url, ADD_ROWS, id=user)
    return user


def rows_of(url: str, user: str, table: str) -> Rows:
    """The user's rows."""
    return administer(url, f"SELECT * FROM {table} WHERE user_id = %(u)s ORDER BY 1, 2", u=user)


def reaches_only_own_rows(url: str, table: str, statement: str) -> bool:
    """Whether a statement without user condition reaches all rows of its sender and no others."""
    alice, bob = user_with_tasks(url), user_with_tasks(url)
    hers, his = rows_of(url, alice, table), rows_of(url, bob, table)

    return send(url, statement, bob) == [(bob,)] * len(his) and rows_of(url, alice, table) == hers


def hides_all_rows_without_a_user(url: str, table: str, statement: str) -> bool:
    """Whether a statement without user condition reaches no row if no user is set."""
    alice = user_with_tasks(url)
    hers = rows_of(url, alice, table)

    return send(url, statement, "") == [] and rows_of(url, alice, table) == hers


def refuses_foreign_writes(url: str, _table: str, statement: str) -> bool:
    """Whether the policy, and not a missing grant, refuses rows of other users."""
    alice, bob = user_with_tasks(url), user_with_tasks(url)
    try:
        send(url, statement, bob, other=alice)
    except Problem as problem:
        cause = problem.__cause__
        assert isinstance(cause, psycopg2.Error)
        return cause.pgcode == "42501" and "row-level security" in str(cause)
    return False


def is_declared(url: str, table: str) -> bool:
    """Whether row-level security is forced, and the role neither privileged nor the owner."""
    return administer(url, DECLARED, role=ROLE, table=table) == [(True, False, False)]


def _each(
    holds: Callable[[str, str, str], bool], statements: list[tuple[str, str]]
) -> Callable[[str, str], bool]:
    return lambda url, table: all(holds(url, of, text) for of, text in statements if of == table)


# Each is asked for one table of a database.
CHECKS: dict[str, Callable[[str, str], bool]] = {
    "isolation": _each(reaches_only_own_rows, WITHOUT_USER_CONDITION),
    "no user": _each(hides_all_rows_without_a_user, WITHOUT_USER_CONDITION),
    "foreign writes": _each(refuses_foreign_writes, FOREIGN_WRITES),
    "declaration": is_declared,
}
