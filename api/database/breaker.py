"""A circuit breaker: while the database is away, one attempt per second is made to connect."""

from time import monotonic

from api.database.causes import Cause
from api.problems.problem import Problem

SECONDS = 1.0


class Breaker:
    """Closed at first: every attempt to connect is admitted.

    A failure opens it: from then on one attempt per second is admitted, and all others fail at
    once. A success closes it. A pooler accepts connections while it has no server for them, so
    after ``Cause.NO_SERVER`` a new connection is no success: only an answer is.
    """

    def __init__(self) -> None:
        self._cause: Problem | None = None
        self._next_attempt = self._last_success = 0.0

    def is_unavailable(self) -> bool:
        """Whether the database is away."""
        return self._cause is not None

    def admit(self) -> None:
        """Let an attempt pass, or raise what opened the breaker."""
        if monotonic() < self._next_attempt:
            self.check()
        self._next_attempt = monotonic() + SECONDS

    def check(self) -> None:
        """Raise what opened the breaker, if it is open."""
        if self._cause:
            raise type(self._cause)(reason=Cause.BREAKER)

    def record_failure(self, cause: Problem, began: float) -> bool:
        """Open, unless the attempt began before the last success; whether the reason is new."""
        if began < self._last_success:
            return False
        is_new = not self._cause or self._cause.reason != cause.reason
        self._cause = cause
        self._next_attempt = monotonic() + SECONDS
        return is_new

    def record_success(self, *, answered: bool) -> bool:
        """Close after a new connection, or an answer; whether that is news."""
        if self._cause and self._cause.reason == Cause.NO_SERVER and not answered:
            return False
        is_new = self._cause is not None or not self._last_success
        self._cause = None
        self._last_success = monotonic()
        return is_new
