"""The source of the issuer's keys: a URL, a JWK Set in the settings, or none."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx2 as httpx

from api.auth.jwks import KeySet, fetch, parse
from api.auth.jwks_cache import JwksCache
from api.config.settings import Settings


@asynccontextmanager
async def open_jwks(settings: Settings) -> AsyncIterator[JwksCache | None]:
    """The cache of the issuer's keys; None where only HS256 is configured.

    The first fetch starts at once: Better Auth creates its first key when its key set is read.
    """
    if settings.better_auth_jwks:
        document = settings.better_auth_jwks.encode()

        async def read() -> KeySet:
            return parse(document)

        yield JwksCache(read)
    elif settings.jwks_url:
        async with httpx.AsyncClient(verify=tls_context()) as client:
            cache = JwksCache(partial(fetch, client, settings.jwks_url))
            cache.refresh()
            yield cache
            await cache.close()
    else:
        yield None


def tls_context() -> ssl.SSLContext:
    """The system's authorities, or those of ``SSL_CERT_FILE``, verified alike on every Python."""
    context = httpx.create_ssl_context()
    # Python's own defaults from 3.13 on, which SSL_CERT_FILE alone would switch on there.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
