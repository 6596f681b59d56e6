"""``python -m api.migrations``: bring the database to this release's schema."""

import sys

from alembic import command
from alembic.config import Config
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from api import settings
from api.database.urls import direct_url


def upgrade(url: URL) -> None:
    """Run the pending migrations; ``SystemExit`` with one sentence where that cannot be done."""
    config = Config()
    config.set_main_option("script_location", "api:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise SystemExit(f"Cannot migrate {url.host}:{url.port or 5432}: {reason}") from None


def main() -> None:
    """Migrate ``DATABASE_URL``."""
    upgrade(direct_url(settings.load()))
    print("The database has this release's schema.", file=sys.stderr)


if __name__ == "__main__":
    main()
