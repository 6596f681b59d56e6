"""Better Auth's user table: checked, created where missing, and referred to by our tables.

Either may come first. A user table that tasks cannot refer to is refused before anything changes;
with ``AUTH_USER_TABLE=none`` there is neither a user table nor a foreign key.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from sqlalchemy import Connection, text

UserTable = Literal["user", "none"]

COLUMNS = ("id", "name", "email", "emailVerified")
ID_TYPES = {"text", "character varying"}
# The DDL of Better Auth's own migration.
CREATE = """
CREATE TABLE IF NOT EXISTS "user" (
    id text PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    "emailVerified" boolean NOT NULL,
    image text,
    "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
    "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL
)
"""
FIND_COLUMNS = text("""
SELECT attname, format_type(atttypid, NULL),
  attnotnull AND NOT atthasdef AND attidentity = '' AND attgenerated = ''
FROM pg_attribute WHERE attrelid = to_regclass('"user"') AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
""")
# A table with Better Auth's columns, in any spelling, under another name.
FIND_RENAMED = text("""
SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relkind IN ('r', 'p') AND pg_table_is_visible(attrelid) AND NOT attisdropped
  AND lower(replace(attname, '_', '')) IN ('email', 'emailverified')
  AND attrelid IS DISTINCT FROM to_regclass('"user"')
GROUP BY attrelid HAVING count(*) = 2
""")
FIND_FOREIGN_KEY = text("""
SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass(:name)
  AND confrelid = to_regclass('"user"')
""")
ADVICE = "give the API a database of its own, or set AUTH_USER_TABLE=none."


def check_user_table(connection: Connection) -> None:
    """Raise ``SystemExit`` with one sentence unless tasks can refer to Better Auth's users."""
    columns = {name: kind for name, kind, _ in connection.execute(FIND_COLUMNS)}
    if not columns and (renamed := connection.scalar(FIND_RENAMED)):
        raise SystemExit(f'Better Auth keeps its users in {renamed}, not in "user": {ADVICE}')
    if columns and (missing := [name for name in COLUMNS if name not in columns]):
        names = ", ".join(missing)
        raise SystemExit(f'The table "user" has no column {names}: {ADVICE}')
    if columns and columns["id"] not in ID_TYPES:
        raise SystemExit(
            f'The ids in "user" are of type {columns["id"]}, but a user id is text: {ADVICE}'
        )


def advice(connection: Connection, *, creates_users: bool) -> Iterator[str]:
    """Sentences for the operator about a user table that works, but perhaps not as meant."""
    columns = connection.execute(FIND_COLUMNS)
    required = [name for name, _, required in columns if required and name not in COLUMNS]
    if creates_users and required:
        yield (
            f'The table "user" requires {", ".join(required)}, which only Better Auth fills in:'
            " set AUTH_USER_PROVISIONING=require."
        )
    if renamed := connection.scalar(FIND_RENAMED):
        yield (
            f'Tasks refer to "user", but {renamed} has Better Auth\'s columns too: if Better Auth'
            " keeps its users there, set AUTH_USER_TABLE=none."
        )


def create_user_table(connection: Connection) -> None:
    """Create the table as Better Auth would, unless it exists."""
    connection.execute(text(CREATE))


def update_foreign_keys(
    connection: Connection, tables: Iterable[str], user_table: UserTable
) -> None:
    """Give each of the tables its foreign key to the user table, or none."""
    for table in tables:
        found = connection.scalar(FIND_FOREIGN_KEY, {"name": table})
        exists = connection.scalar(text("SELECT to_regclass(:name)"), {"name": table})
        if found and user_table == "none":
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {found}"))
        elif exists and not found and user_table == "user":
            connection.execute(
                text(
                    f"ALTER TABLE {table} ADD CONSTRAINT {table}_user_id_fkey"
                    ' FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE'
                )
            )
