"""Whether the database has a connection for every one that the API may open."""

from sqlalchemy import Connection, text

from api.config import database_url as dsn
from api.config.settings import Settings

USABLE = text(
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
    " - coalesce(current_setting('reserved_connections', true), '0')::int"
)


def check_budget(connection: Connection, settings: Settings) -> str:
    """One sentence about it; ``SystemExit`` with one where there are too few.

    Behind Neon's pooler there is nothing to count: what is too much waits there for its turn.
    """
    needed = settings.connections
    product = (
        f"{needed} (WORKERS {settings.workers} x POOL_SIZE {settings.pool_size}"
        f" x INSTANCES {settings.instances})"
    )
    if settings.database_url and dsn.is_pooled(
        dsn.parsed(settings.database_url.get_secret_value())
    ):
        return f"The API may open {product} connections to the pooler."
    usable = connection.execute(USABLE).scalar_one()
    if needed > usable:
        raise SystemExit(
            f"The API may open {product} connections, and the database has {usable}: lower one of"
            " them, or connect through the pooler."
        )
    rolling = (
        "" if 2 * needed <= usable else "; a rolling restart, which needs twice as many, has not"
    )
    return f"The API may open {product} of the database's {usable} connections{rolling}."
