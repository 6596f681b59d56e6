"""Where the issuer's keys come from: an address, a setting, or nowhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx2 as httpx

from api.auth.jwks import KeySet, fetch, parse
from api.auth.jwks_cache import JwksCache
from api.config.settings import Settings


@asynccontextmanager
async def open_jwks(settings: Settings) -> AsyncIterator[JwksCache | None]:
    """The keys, whose first fetch has begun: it also makes a new Better Auth's first key."""
    if settings.better_auth_jwks:
        given = settings.better_auth_jwks.encode()

        async def read() -> KeySet:
            return parse(given)

        yield JwksCache(read)
    elif settings.jwks_url:
        async with httpx.AsyncClient() as client:
            keys = JwksCache(partial(fetch, client, settings.jwks_url))
            keys.refresh()
            yield keys
            await keys.close()
    else:
        yield None
