"""The connections that the API may open, compared with the database's ``max_connections``."""

from sqlalchemy import Connection, text

from api.config.settings import Settings

USABLE = text(
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
    " - coalesce(current_setting('reserved_connections', true), '0')::int"
)


def check_budget(connection: Connection, settings: Settings) -> str:
    """A sentence for the operator; raises ``SystemExit`` where the database has too few.

    Neon's pooler is not counted: it queues the clients that exceed its server connections.
    """
    needed = settings.connections
    product = (
        f"{needed} (WORKERS {settings.workers} x POOL_SIZE {settings.pool_size}"
        f" x INSTANCES {settings.instances})"
    )
    if settings.database_url and settings.database_url.is_pooled:
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
