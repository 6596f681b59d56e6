"""``python -m api.migrations``: upgrade the database to this release's schema."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from api.config import settings
from api.database.urls import direct_url
from api.migrations.connection_budget import check_budget
from api.migrations.locks import MigrationLocked
from api.migrations.user_table import UserTable, advice

# Long enough for a suspended database to wake up.
CONNECT_SECONDS = 15
LOCK_NOT_AVAILABLE = "55P03"


def alembic_config() -> Config:
    """Alembic's configuration; ``connection`` and ``user_table`` go into its attributes."""
    config = Config()
    config.set_main_option("script_location", "api:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(url: URL, user_table: UserTable = "user") -> str:
    """Run the pending revisions, and return a sentence about the schema.

    Raises ``SystemExit`` with one sentence on failure.
    """
    config = alembic_config()
    config.attributes["user_table"] = user_table
    with connected(url) as config.attributes["connection"]:
        command.upgrade(config, "head")
    if newer := config.attributes["newer"]:
        return f"The database has revision {newer} of a newer release; this release runs on it."
    return "The database has this release's schema."


def main() -> None:
    """Check the connection budget of ``DATABASE_URL``, then upgrade the database."""
    config = settings.load()
    url = direct_url(config)
    with connected(url) as connection:
        budget = check_budget(connection, config)
        print(f"Migrating {place(connection)}.\n{budget}", file=sys.stderr)
    schema = upgrade(url, config.auth_user_table)
    if config.auth_user_table == "user":
        with connected(url) as connection:
            for sentence in advice(connection, creates_users=config.creates_users):
                print(sentence, file=sys.stderr)
    print(schema, file=sys.stderr)


@contextmanager
def connected(url: URL, purpose: str = "migrate") -> Iterator[Connection]:
    """A connection; raises ``SystemExit`` with one sentence for an error of the database."""
    parameters = {"connect_timeout": CONNECT_SECONDS, "application_name": "tasks-api-migrate"}
    try:
        with create_engine(
            url, poolclass=NullPool, connect_args=parameters
        ).connect() as connection:
            yield connection
    except CommandError as error:
        raise SystemExit(
            f"Cannot {purpose} {url.host}:{url.port or 5432}: {error}: this release does not know"
            " the database's revision; run the release that migrated it, or a newer one"
        ) from None
    except (DBAPIError, MigrationLocked) as error:
        reason = str(getattr(error, "orig", "")).strip().partition("\n")[0]
        if isinstance(error, MigrationLocked) or _sqlstate(error) == LOCK_NOT_AVAILABLE:
            reason = "a lock is held by another session; no task was changed: try again"
        raise SystemExit(f"Cannot {purpose} {url.host}:{url.port or 5432}: {reason}") from None


def place(connection: Connection) -> str:
    """The database, and the host and port of the server that libpq found."""
    found = connection.connection.driver_connection.info  # type: ignore[union-attr]
    return f"{found.dbname} on {found.host}:{found.port}"


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)


if __name__ == "__main__":
    main()
