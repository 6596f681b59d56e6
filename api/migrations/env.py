"""Alembic's environment: brings the schema, the user table and the access rights up to date."""

from alembic import context

from api.migrations.access import ensure_access, ensure_role
from api.migrations.locks import acquire_migration_lock
from api.migrations.user_table import check_user_table, create_user_table, update_foreign_keys
from api.migrations.version_table import (
    VERSION_TABLE,
    adopt_version_table,
    newer_revision,
    note_contract,
)
from api.tasks.tables import TASK, USER

TABLES = [table for table in TASK.metadata.sorted_tables if table is not USER]


def migrate() -> None:
    """Run the pending revisions in one transaction, under the advisory lock.

    None is run where a newer release has migrated the database and this one can run on it.
    """
    connection = context.config.attributes["connection"]
    user_table = context.config.attributes.get("user_table", "user")
    context.configure(
        connection=connection,
        target_metadata=TASK.metadata,
        version_table=VERSION_TABLE,
        transaction_per_migration=False,
        on_version_apply=note_contract,
    )
    with context.begin_transaction():
        acquire_migration_lock(connection)
        adopt_version_table(connection)
        if user_table == "user":
            check_user_table(connection)
            create_user_table(connection)
        ensure_role(connection)
        newer = newer_revision(connection, context.script)
        context.config.attributes["newer"] = newer
        if not newer:
            context.run_migrations()
        names = [table.name for table in TABLES]
        update_foreign_keys(connection, names, user_table)
        ensure_access(connection, names, user_table=user_table == "user")


migrate()
