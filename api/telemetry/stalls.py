"""Time in which the process did not run, as in a frozen container: requests do not age then."""

from time import perf_counter

# A busy event loop is no stall.
SHORTEST_SECONDS = 1.0


class StallClock:
    """Remembers the last stall: an interval between two ticks that was far too long.

    Without a tick yet, there are no stalls.
    """

    def __init__(self) -> None:
        self._ticked: float | None = None
        self._ended = self._seconds = 0.0

    def tick(self) -> None:
        """Say that the process runs, several times per second."""
        self._ended, self._seconds = self._last()
        self._ticked = perf_counter()

    def stop(self) -> None:
        """Say that no tick will follow."""
        self._ticked = None

    def seconds_since(self, started: float) -> float:
        """How much of the time since ``started``, of ``perf_counter``, the process did not run."""
        ended, seconds = self._last()
        return max(0.0, min(seconds, ended - started))

    def _last(self) -> tuple[float, float]:
        """The end and the length of the last stall, which no tick may have followed yet."""
        now = perf_counter()
        if self._ticked is not None and now - self._ticked > SHORTEST_SECONDS:
            return now, now - self._ticked
        return self._ended, self._seconds


clock = StallClock()
