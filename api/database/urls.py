"""Where the database is: one URL for the API, one for migrations."""

from sqlalchemy import URL

from api.config.database_url import DatabaseUrl
from api.config.settings import Settings


def async_url(settings: Settings) -> URL:
    """``DATABASE_URL`` for the asynchronous dialect."""
    return _given(settings).secured().url.set(drivername="postgresql+psycopg2_asyncio")


def direct_url(settings: Settings) -> URL:
    """Where migrations go: ``DATABASE_URL_DIRECT``, else Neon's host without ``-pooler``."""
    given = settings.database_url_direct or _given(settings).direct()
    return given.secured().url.set(drivername="postgresql+psycopg2")


def _given(settings: Settings) -> DatabaseUrl:
    if settings.database_url is None:
        raise SystemExit("Set DATABASE_URL, or use `make run`: it brings a database along.")
    return settings.database_url
