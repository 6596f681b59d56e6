"""Alembic's environment: runs the pending revisions on the connection that it is given."""

from alembic import context

from api.migrations.locks import acquire_migration_lock
from api.tasks.tables import TASK

# Better Auth owns these; the first revision creates "user" only where it is missing.
BETTER_AUTH_TABLES = {"user", "session", "account", "verification", "jwks"}


def _include_name(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name not in BETTER_AUTH_TABLES


def migrate() -> None:
    """Run the pending revisions in one transaction, under the advisory lock."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=TASK.metadata,
        include_name=_include_name,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        acquire_migration_lock(connection)
        context.run_migrations()


migrate()
