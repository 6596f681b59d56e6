"""The table with the revision of the database, under a name that no other application uses."""

from sqlalchemy import Connection, text

VERSION_TABLE = "task_api_version"
# The first releases used Alembic's default name; the policy tells their table from another's.
IS_OURS_UNDER_THE_OLD_NAME = text("""
SELECT to_regclass('task_api_version') IS NULL AND to_regclass('alembic_version') IS NOT NULL
  AND EXISTS (SELECT FROM pg_policy
              WHERE polname = 'task_owner' AND polrelid = to_regclass('task'))
""")


def adopt_version_table(connection: Connection) -> None:
    """Rename the version table of a database that an earlier release of ours migrated."""
    if connection.scalar(IS_OURS_UNDER_THE_OLD_NAME):
        connection.execute(text(f"ALTER TABLE alembic_version RENAME TO {VERSION_TABLE}"))
