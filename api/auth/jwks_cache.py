"""The issuer's public keys, fetched when needed and kept while the issuer is away.

A token whose key is known never waits. An unknown ``kid`` may be a rotated key, so it is looked
for at once, out of a small budget: whoever invents ids buys five fetches, and then one per ten
seconds. A fetch that brings a new key is free, so rotation never runs dry. An answer that is no
usable key set replaces nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from api.auth.jwks import JwksUnavailable, KeySet, PublicKey
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import KeysUnavailable, TokenInvalid
from api.problems.problem import Problem

FRESH_SECONDS = 300
KEPT_SECONDS = 24 * 3600
BUDGET = 5
REFILL_SECONDS = 10
MISS_SECONDS = 30
MISSES = 1000
LONGEST_PAUSE = 30
NEVER = -float("inf")

Fetch = Callable[[], Awaitable[KeySet]]

log = structlog.get_logger()


class JwksCache:
    """A cache of one key set; ``fetch`` brings the set or raises ``JwksUnavailable``."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: KeySet = {}
        self._fetched = self._failed = self._began = NEVER
        self._failures = 0
        self._budget, self._counted = float(BUDGET), clock()
        self._missed: dict[str, float] = {}
        self._running: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PublicKey:
        """The key of this id.

        Raises ``TokenInvalid`` when the issuer has no such key, and ``KeysUnavailable`` when
        that cannot be told.
        """
        arrived = self._clock()
        if arrived > self._fetched + FRESH_SECONDS and self._keys:
            self.refresh()
        if key := self._known(kid):
            return key
        if self._missed.get(kid, NEVER) < arrived:
            return await self._look_for(kid, arrived)
        raise self._unknown()

    def refresh(self) -> None:
        """Start a fetch in the background, unless one runs or the last one failed just now."""
        if self._running is None and self._clock() >= self._failed + self._pause():
            self._begin()

    async def close(self) -> None:
        """End a fetch that still runs."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _look_for(self, kid: str, arrived: float) -> PublicKey:
        # A fetch that began before the token arrived may be older than its key: then once more.
        while self._running or self._may_fetch():
            running, began = self._running or self._begin(), self._began
            await asyncio.shield(running)
            if key := self._known(kid):
                return key
            if began >= arrived:
                self._remember_miss(kid)
                break
        raise self._unknown()

    def _known(self, kid: str) -> PublicKey | None:
        kept = self._clock() <= self._fetched + KEPT_SECONDS
        return self._keys.get(kid) if kept else None

    def _unknown(self) -> Problem:
        if self._failures or not self._keys:
            return KeysUnavailable(reason="keys_unavailable")
        return TokenInvalid(reason=AuthFailure.UNKNOWN_KEY)

    def _pause(self) -> float:
        return min(2.0 ** (self._failures - 1), LONGEST_PAUSE) if self._failures else 0

    def _may_fetch(self) -> bool:
        """Whether an unknown id may cause a fetch now; it pays for one."""
        now = self._clock()
        if self._failures:
            return now >= self._failed + self._pause()
        self._budget = min(BUDGET, self._budget + (now - self._counted) / REFILL_SECONDS)
        self._counted = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True

    def _begin(self) -> asyncio.Task[None]:
        self._began = self._clock()
        self._running = asyncio.create_task(self._run())
        return self._running

    async def _run(self) -> None:
        try:
            keys = await self._fetch()
        except JwksUnavailable as error:
            self._failures, self._failed = self._failures + 1, self._clock()
            log.warning("jwks_failed", reason=str(error), failures=self._failures)
        else:
            if not keys.keys() <= self._keys.keys():
                self._budget = min(BUDGET, self._budget + 1)
            self._keys, self._fetched, self._failures = keys, self._clock(), 0
            log.info("jwks_fetched", keys=len(keys))
        finally:
            self._running = None

    def _remember_miss(self, kid: str) -> None:
        if self._failures:
            return
        if len(self._missed) >= MISSES:
            self._missed.clear()
        self._missed[kid] = self._clock() + MISS_SECONDS
