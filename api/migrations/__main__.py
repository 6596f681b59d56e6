"""``python -m api.migrations``: upgrade the database to this release's schema."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from api.config import settings
from api.database.urls import direct_url
from api.migrations.connection_budget import check_budget

# Long enough for a suspended database to wake up.
CONNECT_SECONDS = 15
LOCK_NOT_AVAILABLE = "55P03"


def upgrade(url: URL) -> None:
    """Run the pending revisions; raises ``SystemExit`` with one sentence on failure."""
    config = Config()
    config.set_main_option("script_location", "api:migrations")
    config.set_main_option("path_separator", "os")
    with _connect(url) as config.attributes["connection"]:
        command.upgrade(config, "head")


def main() -> None:
    """Check the connection budget of ``DATABASE_URL``, then upgrade the database."""
    config = settings.load()
    url = direct_url(config)
    with _connect(url) as connection:
        print(check_budget(connection, config), file=sys.stderr)
    upgrade(url)
    print("The database has this release's schema.", file=sys.stderr)


@contextmanager
def _connect(url: URL) -> Iterator[Connection]:
    parameters = {"connect_timeout": CONNECT_SECONDS, "application_name": "tasks-api-migrate"}
    try:
        with create_engine(
            url, poolclass=NullPool, connect_args=parameters
        ).connect() as connection:
            yield connection
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        if getattr(error.orig, "pgcode", None) == LOCK_NOT_AVAILABLE:
            reason = "a lock is held by another session; nothing was changed: try again"
        raise SystemExit(f"Cannot migrate {url.host}:{url.port or 5432}: {reason}") from None


if __name__ == "__main__":
    main()
