"""Where the database is: one URL for the API, one for migrations."""

from sqlalchemy import URL

from api.config import database_url as dsn
from api.config.settings import Settings


def async_url(settings: Settings) -> URL:
    """``DATABASE_URL`` for the asynchronous dialect."""
    return dsn.secured(_url(settings)).set(drivername="postgresql+psycopg2_asyncio")


def direct_url(settings: Settings) -> URL:
    """Where migrations go: ``DATABASE_URL_DIRECT``, else Neon's host without ``-pooler``."""
    given = settings.database_url_direct
    url = dsn.parsed(given.get_secret_value()) if given else dsn.direct(_url(settings))
    return dsn.secured(url).set(drivername="postgresql+psycopg2")


def _url(settings: Settings) -> URL:
    if settings.database_url is None:
        raise SystemExit("Set DATABASE_URL, or use `make run`: it brings a database along.")
    return dsn.parsed(settings.database_url.get_secret_value())
