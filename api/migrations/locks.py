"""One migration at a time, and none that waits for long, or makes others wait."""

from sqlalchemy import Connection, text

# Any number, as long as every migration takes the same one.
LOCK = 7240461
# For the migrations before this one; and for each table, while requests queue up behind us.
TURN_SECONDS, TABLE_SECONDS = 60, 5


def acquire_migration_lock(connection: Connection) -> None:
    """Wait for the others' end behind a lock that ends with this transaction."""
    _limit(connection, TURN_SECONDS)
    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    _limit(connection, TABLE_SECONDS)


def _limit(connection: Connection, seconds: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{seconds}s'"))
