"""The issuer's public keys, fetched when needed and served stale while the issuer is down.

An unknown key id may belong to a rotated key, so it triggers a fetch, limited by a token bucket:
unknown key ids may trigger five fetches, then one per 10 s. A fetch that brings a new key costs
nothing, so rotation never empties the bucket.

Keys are refreshed in the background after 5 minutes and before use after 10, when a known key id
waits too: a withdrawn key ends in time on an idle worker. Only a failed fetch lets older ones be
used, for a day.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from api.auth.jwks import JwksUnavailable, KeySet, PublicKey
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import KeysUnavailable, TokenInvalid
from api.problems.problem import Problem

FRESH_SECONDS, MAX_AGE_SECONDS = 300, 600
STALE_IF_ERROR_SECONDS = 24 * 3600
# How long a failed fetch excuses old keys: longer than the longest backoff and one fetch.
RECENT_FAILURE_SECONDS = 60
FETCH_BUDGET = 5
REFILL_SECONDS = 10
NEGATIVE_TTL_SECONDS = 30
MAX_UNKNOWN_KIDS = 1000
MAX_BACKOFF_SECONDS = 30
NEVER = -float("inf")

Fetch = Callable[[], Awaitable[KeySet]]

log = structlog.get_logger()


class JwksCache:
    """A cache of one key set; ``fetch`` returns the set or raises ``JwksUnavailable``."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: KeySet = {}
        self._fetched = self._failed = self._started = NEVER
        self._failures = 0
        self._budget, self._refilled = float(FETCH_BUDGET), clock()
        self._unknown_until: dict[str, float] = {}
        self._running: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PublicKey:
        """The key with this id.

        Raises:
            TokenInvalid: the issuer's key set has no such key.
            KeysUnavailable: the key set cannot be fetched, so neither answer is certain.
        """
        arrived = self._clock()
        if arrived > self._fetched + FRESH_SECONDS:
            await self._revalidate(arrived)
        if key := self._cached(kid):
            return key
        if self._unknown_until.get(kid, NEVER) < arrived:
            return await self._fetch_unknown(kid, arrived)
        raise self._not_found()

    def refresh(self) -> None:
        """Start a fetch in the background, unless one runs or backoff forbids it."""
        if self._running is None and self._clock() >= self._failed + self._backoff():
            self._start_fetch()

    async def close(self) -> None:
        """Cancel a running fetch."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _revalidate(self, arrived: float) -> None:
        self.refresh()
        too_old = arrived > self._fetched + MAX_AGE_SECONDS
        if self._running and too_old and arrived > self._failed + RECENT_FAILURE_SECONDS:
            await asyncio.shield(self._running)

    async def _fetch_unknown(self, kid: str, arrived: float) -> PublicKey:
        # A fetch that started before the token arrived may miss the token's key: fetch again.
        while self._running or self._may_fetch():
            running, started = self._running or self._start_fetch(), self._started
            await asyncio.shield(running)
            if key := self._cached(kid):
                return key
            if started >= arrived:
                self._remember_unknown(kid)
                break
        raise self._not_found()

    def _cached(self, kid: str) -> PublicKey | None:
        usable = self._clock() <= self._fetched + STALE_IF_ERROR_SECONDS
        return self._keys.get(kid) if usable else None

    def _not_found(self) -> Problem:
        if self._failures or self._fetched == NEVER:
            return KeysUnavailable(reason="keys_unavailable")
        return TokenInvalid(reason=AuthFailure.UNKNOWN_KEY)

    def _backoff(self) -> float:
        """Seconds to wait after the last failed fetch."""
        return min(2.0 ** (self._failures - 1), MAX_BACKOFF_SECONDS) if self._failures else 0

    def _may_fetch(self) -> bool:
        """Whether an unknown key id may trigger a fetch now; takes it from the budget."""
        now = self._clock()
        if self._failures:
            return now >= self._failed + self._backoff()
        refill = (now - self._refilled) / REFILL_SECONDS
        self._budget, self._refilled = min(FETCH_BUDGET, self._budget + refill), now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True

    def _start_fetch(self) -> asyncio.Task[None]:
        self._started = self._clock()
        self._running = asyncio.create_task(self._fetch_once())
        return self._running

    async def _fetch_once(self) -> None:
        try:
            keys = await self._fetch()
        except JwksUnavailable as error:
            self._failures, self._failed = self._failures + 1, self._clock()
            log.warning("jwks_fetch_failed", reason=str(error), failures=self._failures)
        else:
            if not keys.keys() <= self._keys.keys():
                self._budget = min(FETCH_BUDGET, self._budget + 1)
            self._keys, self._fetched, self._failures = keys, self._clock(), 0
            log.info("jwks_fetched", keys=len(keys))
        finally:
            self._running = None

    def _remember_unknown(self, kid: str) -> None:
        if self._failures:
            return
        if len(self._unknown_until) >= MAX_UNKNOWN_KIDS:
            self._unknown_until.clear()
        self._unknown_until[kid] = self._clock() + NEGATIVE_TTL_SECONDS
