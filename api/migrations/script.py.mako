"""${message}."""

from alembic import op

revision = "${up_revision}"
down_revision = "${down_revision}"
branch_labels = None
depends_on = None

# True only for a revision on which the previous release cannot run, because it drops or narrows
# something. It belongs to a later release than the one that stopped using the old form.
contract = False


def upgrade() -> None:
    """Change the schema."""
    # Fail, and change nothing, where a table stays locked; requests queue behind the wait.
    op.execute("SET LOCAL lock_timeout = '5s'")

    # An index on a large table, without blocking writes (from api.migrations.locks import
    # autocommit_block). A build that failed leaves an invalid index: drop it first.
    # with autocommit_block():
    #     op.execute("DROP INDEX CONCURRENTLY IF EXISTS task_colour")
    #     op.execute("CREATE INDEX CONCURRENTLY task_colour ON task (colour)")

    # A column that refers to the user is only "user_id text NOT NULL": api/migrations/env.py adds
    # the foreign key and the grants of every table of api/tasks/tables.py.


def downgrade() -> None:
    """Revert the change."""
