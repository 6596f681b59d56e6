"""``python -m api.migrations.resync``: every device starts afresh, after a restore from a backup.

A restored database lacks what devices have seen since. ``purged`` becomes now, so that each
request for changes since an earlier answer is 410 ``resync_required``.
"""

import sys

from sqlalchemy import URL, text

from api.config import settings
from api.database.urls import direct_url
from api.migrations.__main__ import connected
from api.migrations.locks import acquire_migration_lock

IS_BOUND = text("SELECT row_security_active('task_clock')")
# The clock moves as well: a device that starts afresh knows it, and it must not be older than
# ``purged``. No list may look unchanged either.
RESYNC = text("""
UPDATE task_clock SET
    at = greatest(now(), at + interval '1 microsecond'),
    purged = greatest(now(), at + interval '1 microsecond')
""")


def resync(url: URL) -> int:
    """Move every user's clock and ``purged``; returns how many users there are.

    Raises:
        SystemExit: the database refused it, or a lock was held by another session.
    """
    with connected(url, "resync") as connection, connection.begin():
        acquire_migration_lock(connection)
        is_bound = connection.scalar(IS_BOUND)
        if is_bound:  # an owner without BYPASSRLS; no other session sees the table meanwhile
            connection.execute(text("ALTER TABLE task_clock NO FORCE ROW LEVEL SECURITY"))
        users = connection.execute(RESYNC).rowcount
        if is_bound:
            connection.execute(text("ALTER TABLE task_clock FORCE ROW LEVEL SECURITY"))
    return users


def main() -> None:
    """Resync the database of ``DATABASE_URL``."""
    users = resync(direct_url(settings.load()))
    print(f"Every device of {users} users starts afresh.", file=sys.stderr)


if __name__ == "__main__":
    main()
