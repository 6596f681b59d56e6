"""Load shedding: requests beyond ``MAX_IN_FLIGHT`` get 503 instead of a slow answer."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems.catalogue import Overloaded
from api.telemetry import metrics
from api.web.problem_response import respond

PROBES = frozenset({"/livez", "/healthz", "/readyz", "/startupz", "/metrics"})
SATURATED_SECONDS = 5.0
# The refusal is delayed: clients that retry at once would take CPU time from the admitted requests.
REFUSAL_SECONDS = 0.5


class InFlightLimiter:
    """Counts the requests in flight, and since when there are as many as allowed.

    A user's unfinished bodies and long unread answers to reads hold at most half of the slots.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.count, self._limit, self._clock = 0, limit, clock
        self._full_since = float("inf")
        self._waiting = Counter[str]()

    @contextmanager
    def waiting(self, user_id: str) -> Iterator[None]:
        """Count a request of this user while it waits for the client to send or to read.

        Raises:
            Overloaded: such requests of this user hold half of the slots.
        """
        if self._waiting[user_id] >= max(1, self._limit // 2):
            raise Overloaded(reason="slow_client")
        self._waiting[user_id] += 1
        try:
            yield
        finally:
            self._waiting[user_id] -= 1
            if not self._waiting[user_id]:
                del self._waiting[user_id]

    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self.count >= self._limit

    def is_saturated(self) -> bool:
        """Whether the limit has been reached for five seconds without a pause."""
        return self._clock() - self._full_since > SATURATED_SECONDS

    def __enter__(self) -> None:
        self.count += 1
        if self.is_full():
            self._full_since = min(self._full_since, self._clock())

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        self._full_since = float("inf")


class SheddingMiddleware:
    """Admits requests up to the limit; probes and scrapes always, so overload is not an outage."""

    def __init__(self, app: ASGIApp, limiter: InFlightLimiter) -> None:
        self.app, self.limiter = app, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
        elif self.limiter.is_full():
            metrics.SHED.inc()
            await asyncio.sleep(REFUSAL_SECONDS)
            await respond(Overloaded(reason="shed"))(scope, receive, send)
        else:
            with self.limiter:
                await self.app(scope, receive, send)
