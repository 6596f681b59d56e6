"""Where the database is: one URL for the API, one for migrations."""

from sqlalchemy import URL, make_url

from api.settings import Settings


def async_url(settings: Settings) -> URL:
    """``DATABASE_URL`` for the asynchronous dialect."""
    return _url(settings).set(drivername="postgresql+psycopg2_asyncio")


def direct_url(settings: Settings) -> URL:
    """Where migrations go: ``DATABASE_URL_DIRECT``, else Neon's host without ``-pooler``."""
    url = _url(settings).set(drivername="postgresql+psycopg2")
    if settings.database_url_direct:
        direct = make_url(settings.database_url_direct.get_secret_value())
        return direct.set(drivername="postgresql+psycopg2")
    first, dot, rest = (url.host or "").partition(".")
    return url.set(host=first.removesuffix("-pooler") + dot + rest)


def _url(settings: Settings) -> URL:
    if settings.database_url is None:
        raise SystemExit("Set DATABASE_URL, or use `make run`: it brings a database along.")
    text = settings.database_url.get_secret_value()
    return make_url("postgresql" + text[text.index("://") :])
