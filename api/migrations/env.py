"""How Alembic works on the database: one at a time, and never waiting long for a lock."""

from alembic import context
from sqlalchemy import text

from api.tasks.tables import TASK

# Any number, as long as every migration takes the same one.
LOCK = 7240461
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
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.run_migrations()


migrate()
