"""The clock of each user, the trash, and the keys of batches."""

from contextlib import nullcontext

from alembic import op
from sqlalchemy import text

from api.migrations.locks import autocommit_block

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The previous release writes tasks without moving the clock: stop it, migrate, start this one.
contract = True

CLOCK = """
CREATE TABLE IF NOT EXISTS task_clock (
    user_id text PRIMARY KEY,
    at timestamptz NOT NULL,
    purged timestamptz NOT NULL,
    live bigint NOT NULL
)
"""
BATCH = """
CREATE TABLE IF NOT EXISTS task_batch (
    user_id text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash text NOT NULL,
    task_ids bigint[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX IF NOT EXISTS task_batch_created_at ON task_batch (user_id, created_at)
"""
# Again with other values where an earlier attempt ended between this and the version.
FILL_CLOCK = """
INSERT INTO task_clock (user_id, at, purged, live)
SELECT user_id, max(updated_at), 'epoch', count(*) FILTER (WHERE deleted_at IS NULL)
FROM task GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE
    SET at = greatest(task_clock.at, excluded.at), live = excluded.live
"""
# The orders of lists hold live tasks alone; that by updated_at stays whole, for the changes.
ORDERS = {
    "created_at": "created_at",
    "title": 'title COLLATE "C"',
    "priority": "priority_rank",
    "due_asc": "(CASE WHEN due_at IS NULL THEN 'infinity'::timestamptz ELSE due_at END)",
    "due_desc": "(CASE WHEN due_at IS NULL THEN '-infinity'::timestamptz ELSE due_at END)",
}
# A clock is one row: a sub-select, evaluated once per statement, would cost more to plan.
OWNED_BY_TABLE = {
    "task_clock": "user_id = nullif(current_setting('app.user_id', true), '')",
    "task_batch": "user_id = (SELECT nullif(current_setting('app.user_id', true), ''))",
}
# An owner whom row-level security binds sees no rows.
IS_BOUND = text("SELECT row_security_active(:name)")


def upgrade() -> None:
    """Build the indexes without blocking writes, unless there are no tasks yet."""
    op.execute("ALTER TABLE task ADD COLUMN IF NOT EXISTS deleted_at timestamptz")
    for table, definition in (("task_clock", CLOCK), ("task_batch", BATCH)):
        owned = OWNED_BY_TABLE[table]
        op.execute(definition)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"DROP POLICY IF EXISTS {table}_owner ON {table}")
        op.execute(f"CREATE POLICY {table}_owner ON {table} USING ({owned}) WITH CHECK ({owned})")
    for table in ("task", "task_clock"):
        if op.get_bind().scalar(IS_BOUND, {"name": table}):
            # Every migration ends by forcing it again.
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    has_tasks = op.get_bind().scalar(text("SELECT EXISTS (SELECT FROM task)"))
    mode = " CONCURRENTLY" if has_tasks else ""
    with autocommit_block() if has_tasks else nullcontext():
        op.execute(FILL_CLOCK)
        _replace_indexes(mode)


def downgrade() -> None:
    """Erase what is in the trash, which the previous schema would show as live."""
    op.execute("ALTER TABLE task NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM task WHERE deleted_at IS NOT NULL")
    op.execute("DROP INDEX task_trash")
    for name, key in ORDERS.items():
        op.execute(f"DROP INDEX task_live_{name}")
        op.execute(f"CREATE INDEX task_{name} ON task (user_id, {key}, id)")
    op.execute("ALTER TABLE task DROP COLUMN deleted_at")
    op.execute("DROP TABLE task_clock, task_batch")


def _replace_indexes(mode: str) -> None:
    """An index that an earlier attempt left may be invalid, and is built again."""
    for name, key in ORDERS.items():
        _build(f"task_live_{name}", f"(user_id, {key}, id) WHERE deleted_at IS NULL", mode)
        op.execute(f"DROP INDEX{mode} IF EXISTS task_{name}")
    _build("task_trash", "(user_id, deleted_at, id) WHERE deleted_at IS NOT NULL", mode)


def _build(name: str, definition: str, mode: str) -> None:
    op.execute(f"DROP INDEX{mode} IF EXISTS {name}")
    op.execute(f"CREATE INDEX{mode} {name} ON task {definition}")
