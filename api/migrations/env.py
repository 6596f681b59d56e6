"""How Alembic works on the database: one at a time, and never waiting long for a lock."""

from alembic import context

from api.migrations.locks import acquire_migration_lock
from api.tasks.tables import TASK

# Better Auth owns these; the first revision makes "user" only where it is missing.
FOREIGN = {"user", "session", "account", "verification", "jwks"}


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name not in FOREIGN


def migrate() -> None:
    """Run the pending revisions in one transaction, behind an advisory lock that ends with it."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=TASK.metadata,
        include_name=_ours,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        acquire_migration_lock(connection)
        context.run_migrations()


migrate()
