"""The table with the revision of the database, under a name that no other application uses.

Its comment names the newest revision that does more than add (``contract = True``). A release that
knows it can run on this schema, also after a newer release has migrated the database.
"""

from collections.abc import Collection, Mapping
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, text

VERSION_TABLE = "task_api_version"
# The first releases used Alembic's default name; the policy tells their table from another's.
IS_OURS_UNDER_THE_OLD_NAME = text("""
SELECT to_regclass('task_api_version') IS NULL AND to_regclass('alembic_version') IS NOT NULL
  AND EXISTS (SELECT FROM pg_policy
              WHERE polname = 'task_owner' AND polrelid = to_regclass('task'))
""")
NOTE = text("SELECT obj_description(to_regclass('task_api_version'), 'pg_class')")


def adopt_version_table(connection: Connection) -> None:
    """Rename the version table of a database that an earlier release of ours migrated."""
    if connection.scalar(IS_OURS_UNDER_THE_OLD_NAME):
        connection.execute(text(f"ALTER TABLE alembic_version RENAME TO {VERSION_TABLE}"))


def note_contract(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """Write the comment after a contracting revision, in the transaction of the version."""
    del heads, run_args
    applied, connection = step.up_revision, ctx.connection
    assert isinstance(applied, Script)
    assert connection
    if getattr(applied.module, "contract", False) or applied.down_revision is None:
        connection.execute(text(f"COMMENT ON TABLE {VERSION_TABLE} IS '{_note(applied.revision)}'"))


def newer_revision(connection: Connection, script: ScriptDirectory) -> str | None:
    """The revision of the database, if a newer release made it and this one can run on it."""
    options = {"version_table": VERSION_TABLE}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    known = {each.revision for each in script.walk_revisions()}
    fits = connection.scalar(NOTE) in map(_note, known)
    return current if fits and current not in known else None


def _note(contract: str) -> str:
    # Earlier releases compare this text: it must never change.
    return f"Releases that know revision {contract} can run on this schema."
