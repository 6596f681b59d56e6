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

    # An index on a large table, without blocking writes:
    # with op.get_context().autocommit_block():
    #     op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS task_colour ON task (colour)")


def downgrade() -> None:
    """Revert the change."""
