"""The context of one request: the values of its log line, metrics and ``Server-Timing``."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter

CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that left before a response


@dataclass(slots=True)
class RequestContext:
    """Durations are in seconds; ``code`` and ``reason`` are those of the problem, if any.

    ``operations`` is the size of a batch.
    """

    request_id: str
    started: float = field(default_factory=perf_counter)
    traceparent: str | None = None
    user_id: str | None = None
    status: int = CLIENT_CLOSED_REQUEST
    size: int = 0
    code: str | None = None
    reason: str | None = None
    database_seconds: float = 0.0
    connect_seconds: float = 0.0
    round_trips: int = 0
    retries: int = 0
    reconnects: int = 0
    operations: int | None = None

    def has_response_started(self) -> bool:
        """Whether the status line was sent."""
        return self.status != CLIENT_CLOSED_REQUEST

    def elapsed(self) -> float:
        """Seconds since the request arrived."""
        return perf_counter() - self.started


_current: ContextVar[RequestContext] = ContextVar("request")


def begin(request_id: str) -> RequestContext:
    """Start the context of the request that this task serves."""
    context = RequestContext(request_id)
    _current.set(context)
    return context


def current() -> RequestContext:
    """The context of this task's request; outside of a request, a new one that is not used."""
    return _current.get(None) or RequestContext("-")
