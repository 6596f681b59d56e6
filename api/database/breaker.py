"""While the database is away: ask it once per second, and answer everybody else at once."""

from time import monotonic

from api.problems.problem import Problem

SECONDS = 1.0


class Breaker:
    """Closed until ``open`` is told why; then one attempt per second may pass."""

    def __init__(self) -> None:
        self.cause: Problem | None = None
        self._next = 0.0

    def admit(self) -> None:
        """Let an attempt pass, or raise again what opened the breaker."""
        if self.cause and monotonic() < self._next:
            self.refuse()
        self._next = monotonic() + SECONDS

    def refuse(self) -> None:
        """Raise again what opened the breaker, if anything did."""
        if self.cause:
            raise type(self.cause)(reason="breaker")

    def open(self, cause: Problem) -> None:
        self.cause = cause
        self._next = monotonic() + SECONDS

    def close(self) -> None:
        self.cause = None
