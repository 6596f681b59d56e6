"""What one request leaves behind: the numbers of its log line and of its Server-Timing."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter

UNANSWERED = 499


@dataclass(slots=True)
class RequestContext:
    """Durations are in seconds; ``code`` is that of the problem answered, if any."""

    request_id: str
    started: float = field(default_factory=perf_counter)
    traceparent: str | None = None
    user_id: str | None = None
    status: int = UNANSWERED
    size: int = 0
    code: str | None = None
    reason: str | None = None
    database_seconds: float = 0.0
    connect_seconds: float = 0.0
    round_trips: int = 0
    retries: int = 0
    reconnects: int = 0

    def has_begun_to_answer(self) -> bool:
        """Whether the client has got a status."""
        return self.status != UNANSWERED

    def elapsed(self) -> float:
        """Seconds since the request arrived."""
        return perf_counter() - self.started


_current: ContextVar[RequestContext] = ContextVar("trace")


def begin(request_id: str) -> RequestContext:
    """Start the trace of the request that this task serves."""
    trace = RequestContext(request_id)
    _current.set(trace)
    return trace


def current() -> RequestContext:
    """The trace of this task's request; outside of one, a trace that nobody reads."""
    return _current.get(None) or RequestContext("-")
