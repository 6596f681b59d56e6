"""The task table: forced row-level security, and an index for every list order."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TASK = """
CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text NOT NULL,
    title text NOT NULL,
    description text,
    completed boolean NOT NULL GENERATED ALWAYS AS (completed_at IS NOT NULL) STORED,
    completed_at timestamptz,
    priority text NOT NULL CHECK (priority IN ('low', 'medium', 'high')),
    priority_rank smallint NOT NULL
        GENERATED ALWAYS AS (array_position(ARRAY['low', 'medium', 'high'], priority)) STORED,
    due_date text,
    due_at timestamptz,
    tags text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    idempotency_key text NOT NULL,
    request_hash text,
    CHECK ((due_date IS NULL) = (due_at IS NULL)),
    UNIQUE (user_id, idempotency_key)
)
"""
# One index per order, scanned in both directions; tasks without a due date come last in both.
ORDERS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "title": 'title COLLATE "C"',
    "priority": "priority_rank",
    "due_asc": "(CASE WHEN due_at IS NULL THEN 'infinity'::timestamptz ELSE due_at END)",
    "due_desc": "(CASE WHEN due_at IS NULL THEN '-infinity'::timestamptz ELSE due_at END)",
}
# The sub-select is evaluated once per statement instead of once per row.
OWNED = "user_id = (SELECT nullif(current_setting('app.user_id', true), ''))"


def upgrade() -> None:
    """Create the table, the indexes and the policy."""
    op.execute(TASK)
    for name, key in ORDERS.items():
        op.execute(f"CREATE INDEX task_{name} ON task (user_id, {key}, id)")
    op.execute("ALTER TABLE task ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY task_owner ON task USING ({OWNED}) WITH CHECK ({OWNED})")


def downgrade() -> None:
    """Drop the task table; keep the user table, which belongs to Better Auth."""
    op.execute("DROP TABLE task")
