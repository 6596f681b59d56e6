"""``python -m api.migrations.resync``: every device starts afresh, after a restore from a backup.

A restored database lacks what devices have seen since. ``purged`` becomes now, so that each
request for changes since an earlier answer is 410 ``resync_required``. Tasks that were inserted or
removed by SQL are counted: a user without a clock gets one.
"""

import sys

from sqlalchemy import URL, Connection, text

from api.config import settings
from api.database.urls import direct_url
from api.migrations.__main__ import connected, place
from api.migrations.locks import acquire_migration_lock

IS_BOUND = text("SELECT row_security_active('task_clock')")
# Writes take the clock first, so no task is written while they are counted.
LOCK = text("LOCK TABLE task_clock IN EXCLUSIVE MODE")
# The clock moves as well: a device that starts afresh knows it, and it must not be older than
# ``purged``. No list may look unchanged either.
RESYNC = text("""
WITH counted AS (
    SELECT user_id, max(updated_at) AS newest, count(*) FILTER (WHERE deleted_at IS NULL) AS live
    FROM task GROUP BY user_id
), moved AS (
    SELECT user_id, coalesce(counted.live, 0) AS live,
        greatest(now(), greatest(at, newest) + interval '1 microsecond') AS at
    FROM task_clock FULL JOIN counted USING (user_id)
)
INSERT INTO task_clock (user_id, at, purged, live) SELECT user_id, at, at, live FROM moved
ON CONFLICT (user_id) DO UPDATE
SET at = excluded.at, purged = excluded.purged, live = excluded.live
""")


def resync(url: URL) -> int:
    """Move every user's clock and ``purged``, and count the tasks; returns the number of users.

    Raises:
        SystemExit: the database refused it, or a lock was held by another session.
    """
    with connected(url, "resync") as connection, connection.begin():
        print(f"Resyncing {place(connection)}.", file=sys.stderr)
        acquire_migration_lock(connection)
        connection.execute(LOCK)
        is_bound = connection.scalar(IS_BOUND)
        if is_bound:  # an owner without BYPASSRLS; no other session sees the tables meanwhile
            _force(connection, "NO FORCE")
        users = connection.execute(RESYNC).rowcount
        if is_bound:
            _force(connection, "FORCE")
    return users


def _force(connection: Connection, mode: str) -> None:
    for table in ("task", "task_clock"):
        connection.execute(text(f"ALTER TABLE {table} {mode} ROW LEVEL SECURITY"))


def main() -> None:
    """Resync the database of ``DATABASE_URL``."""
    users = resync(direct_url(settings.load()))
    print(f"Every device of {users} users starts afresh.", file=sys.stderr)


if __name__ == "__main__":
    main()
