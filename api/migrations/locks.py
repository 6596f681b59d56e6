"""Locks of a migration: one migration at a time, and a short wait for each table."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from alembic import op
from sqlalchemy import Connection, text

# Any constant, the same for every migration.
ADVISORY_LOCK_KEY = 7240461
# The wait for a concurrent migration; and for each table, because requests queue behind the wait.
ADVISORY_LOCK_SECONDS, TABLE_LOCK_SECONDS = 60, 5
RETRY_SECONDS = 0.2


class MigrationLocked(Exception):
    """Another migration held the advisory lock for too long."""


def acquire_migration_lock(connection: Connection) -> None:
    """Take the advisory lock of this transaction, then set ``lock_timeout`` for the tables.

    It is tried again and again: a statement that waits for it has a snapshot, for whose end
    another migration's ``CREATE INDEX CONCURRENTLY`` waits, which is a deadlock.

    Raises:
        MigrationLocked: another migration held the lock for ``ADVISORY_LOCK_SECONDS``.
    """
    give_up = monotonic() + ADVISORY_LOCK_SECONDS
    while not connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({ADVISORY_LOCK_KEY})")):
        if monotonic() > give_up:
            raise MigrationLocked
        sleep(RETRY_SECONDS)
    connection.execute(text(f"SET LOCAL lock_timeout = '{TABLE_LOCK_SECONDS}s'"))


@contextmanager
def autocommit_block() -> Iterator[None]:
    """Leave a revision's transaction, for ``CREATE INDEX CONCURRENTLY`` and the like.

    Alembic's own block commits, which ends the advisory lock and ``lock_timeout``. Here a lock of
    the session takes over until the next transaction has its own; a failure closes the session.
    """
    connection = op.get_bind()
    connection.execute(text(f"SELECT pg_advisory_lock({ADVISORY_LOCK_KEY})"))
    with op.get_context().autocommit_block():
        connection.execute(text(f"SET lock_timeout = '{TABLE_LOCK_SECONDS}s'"))
        yield
    acquire_migration_lock(connection)
    connection.execute(text(f"SELECT pg_advisory_unlock({ADVISORY_LOCK_KEY})"))
