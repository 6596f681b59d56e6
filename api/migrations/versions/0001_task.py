"""The task table: forced row-level security, and an index for every list order."""

from alembic import op
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLE = "task_api"

# The DDL of Better Auth's own migration, so that either may run first.
USER = """
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
TASK = """
CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
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
    """Create the role, the tables, the indexes and the policy."""
    _create_role(op.get_bind())
    op.execute(USER)
    op.execute(TASK)
    for name, key in ORDERS.items():
        op.execute(f"CREATE INDEX task_{name} ON task (user_id, {key}, id)")
    op.execute("ALTER TABLE task ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY task_owner ON task USING ({OWNED}) WITH CHECK ({OWNED})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON task TO {ROLE}")
    op.execute(f'GRANT INSERT (id, name, email, "emailVerified") ON "user" TO {ROLE}')
    op.execute(f'GRANT SELECT (id) ON "user" TO {ROLE}')


def downgrade() -> None:
    """Drop the task table; keep the user table, which belongs to Better Auth."""
    op.execute("DROP TABLE task")


def _create_role(connection: Connection) -> None:
    """Create the role; a migration of another database in the cluster may do so concurrently."""
    known = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role")
    try:
        with connection.begin_nested():
            if connection.scalar(known, {"role": ROLE}) is None:
                connection.execute(text(f"CREATE ROLE {ROLE} NOLOGIN NOBYPASSRLS"))
    except DBAPIError:
        if connection.scalar(known, {"role": ROLE}) is None:
            raise
    if connection.scalar(known, {"role": ROLE}):
        raise SystemExit(f"The role {ROLE} must be neither superuser nor BYPASSRLS.")
    connection.execute(text(f"GRANT {ROLE} TO CURRENT_USER"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {ROLE}"))
