"""No more requests at once than a worker can serve in time: the others are told so."""

import asyncio
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems.catalogue import Overloaded
from api.telemetry import metrics

PROBES = frozenset({"/livez", "/healthz", "/readyz", "/startupz", "/metrics"})
HELD_SECONDS = 5.0
# Told at once, clients that come straight back would take the time of those who were let in.
REFUSAL_SECONDS = 0.5


class InFlightLimiter:
    """How many requests are in flight, and since when they fill the limit."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.in_flight, self._limit, self._clock = 0, limit, clock
        self._full_since = float("inf")

    def is_full(self) -> bool:
        """Whether one more would be too many."""
        return self.in_flight >= self._limit

    def is_saturated(self) -> bool:
        """Whether the limit has been reached for some seconds without a pause."""
        return self._clock() - self._full_since > HELD_SECONDS

    def __enter__(self) -> None:
        self.in_flight += 1
        if self.is_full():
            self._full_since = min(self._full_since, self._clock())

    def __exit__(self, *_: object) -> None:
        self.in_flight -= 1
        self._full_since = float("inf")


class SheddingMiddleware:
    """Lets requests in up to the limit; probes and scrapes always, or overload looks like death."""

    def __init__(self, app: ASGIApp, load: InFlightLimiter) -> None:
        self.app, self.load = app, load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
        elif self.load.is_full():
            metrics.SHED.inc()
            await asyncio.sleep(REFUSAL_SECONDS)
            await Overloaded(reason="shed").response()(scope, receive, send)
        else:
            with self.load:
                await self.app(scope, receive, send)
