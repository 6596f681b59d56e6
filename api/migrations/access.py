"""The role of the API, its grants and row-level security.

Roles belong to the server and not to the database, so a database that was restored into a new
server has neither the role nor its grants: every migration makes sure of both.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

ROLE = "task_api"
IS_UNSAFE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role")
FIND_OPEN = text("""
SELECT relname FROM pg_class WHERE oid = to_regclass(:name)
  AND NOT (relrowsecurity AND relforcerowsecurity)
""")


def ensure_role(connection: Connection) -> None:
    """Create the role unless it exists, and let the migrating user take it on.

    Raises:
        SystemExit: the role exists and can bypass row-level security.
    """
    try:
        with connection.begin_nested():
            if connection.scalar(IS_UNSAFE, {"role": ROLE}) is None:
                connection.execute(text(f"CREATE ROLE {ROLE} NOLOGIN NOBYPASSRLS"))
    except DBAPIError:
        # A migration of another database of the server may have created it meanwhile.
        if connection.scalar(IS_UNSAFE, {"role": ROLE}) is None:
            raise
    if connection.scalar(IS_UNSAFE, {"role": ROLE}):
        raise SystemExit(f"The role {ROLE} must be neither superuser nor BYPASSRLS.")
    if not _can_take_on_role(connection):
        connection.execute(text(f"GRANT {ROLE} TO CURRENT_USER"))


def ensure_access(connection: Connection, tables: Iterable[str], *, user_table: bool) -> None:
    """Grant the role what the operations need, and force row-level security on the tables."""
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {ROLE}"))
    for table in tables:
        if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": table}):
            continue
        connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}"))
        if connection.scalar(FIND_OPEN, {"name": table}):
            security = "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
            connection.execute(text(f"ALTER TABLE {table} {security}"))
    if user_table:
        inserted = 'id, name, email, "emailVerified"'
        connection.execute(text(f'GRANT INSERT ({inserted}), SELECT (id) ON "user" TO {ROLE}'))


def _can_take_on_role(connection: Connection) -> bool:
    """Try it: what membership allows differs between the versions of PostgreSQL."""
    attempt = connection.begin_nested()
    try:
        connection.execute(text(f"SET LOCAL ROLE {ROLE}"))
    except DBAPIError:
        return False
    else:
        return True
    finally:
        attempt.rollback()
