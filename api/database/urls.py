"""Where the database is: parameters of libpq for the API, one URL for migrations."""

from psycopg2.extensions import parse_dsn
from sqlalchemy import URL

from api.config.database_url import DatabaseUrl
from api.config.settings import Settings

# A network that dropped the connection silently is noticed while it is idle, not by a request.
CONNECTION = {
    "application_name": "tasks-api",
    "client_encoding": "utf8",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


def connection_parameters(settings: Settings) -> dict[str, str]:
    """``DATABASE_URL`` as libpq's parameters, with those of every connection of the API."""
    given: dict[str, str] = parse_dsn(_given(settings).secured().reveal())
    return given | CONNECTION


def direct_url(settings: Settings) -> URL:
    """Where migrations go: ``DATABASE_URL_DIRECT``, else Neon's host without ``-pooler``."""
    given = settings.database_url_direct or _given(settings).direct()
    return given.secured().url.set(drivername="postgresql+psycopg2")


def _given(settings: Settings) -> DatabaseUrl:
    if settings.database_url is None:
        raise SystemExit("Set DATABASE_URL, or use `make run`: it brings a database along.")
    return settings.database_url
