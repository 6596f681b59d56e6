"""Counts and times each finished request.

The HTTP metrics are those of prometheus-fastapi-instrumentator. Its builders create and register
them; the label values are bound here, once for each series instead of with every request.
"""

import itertools
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import metrics as instrumentator
from starlette.routing import BaseRoute, Route

from api.telemetry import metrics
from api.telemetry.metrics import LATENCY_BUCKETS, Outcome
from api.telemetry.request_context import RequestContext

FAILURES = (
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class _KeepingRegistry(CollectorRegistry):
    """Registers a metric with the default registry, and keeps it in ``metric``."""

    metric: Any

    def register(self, collector: Collector) -> None:
        REGISTRY.register(collector)
        self.metric = collector


def _built(builder: Callable[..., object], **options: object) -> Any:
    """The metric that this builder of the instrumentator creates."""
    registry = _KeepingRegistry()
    builder(registry=registry, **options)
    return registry.metric


REQUESTS: Counter = _built(instrumentator.requests)
DURATION: Histogram = _built(
    instrumentator.latency, should_include_status=True, buckets=LATENCY_BUCKETS
)


def initialise(routes: Iterable[BaseRoute]) -> None:
    """Create the counters of failures of each method and route.

    Prometheus sees no increase in a series that begins with 1.
    """
    for route in routes:
        if isinstance(route, Route):
            for method, status in itertools.product(route.methods or (), FAILURES):
                REQUESTS.labels(method=method, handler=route.path, status=str(status.value))


def observe(method: str, route: Any, current: RequestContext) -> None:
    """Count a finished request: by its exact status, and in the histogram by its class (``2xx``).

    Requests without a route, OPTIONS and 405 share the handler ``unmatched``.
    """
    status = current.status
    matched = route and method != "OPTIONS" and status != HTTPStatus.METHOD_NOT_ALLOWED
    known = method if method in METHODS else "other"
    count, observe_seconds = _http_series(known, route.path if matched else "unmatched", status)
    count()
    observe_seconds(current.elapsed())
    if current.code:
        metrics.PROBLEMS.labels(current.code).inc()
    if current.reason and status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        metrics.AUTH_FAILURES.labels(current.reason).inc()
    if matched and route.name in metrics.known_operations:
        metrics.ROUND_TRIPS.observe(current.round_trips)
        _operation_series(route.name, status)()


@cache
def _http_series(
    method: str, handler: str, status: int
) -> tuple[Callable[[], None], Callable[[float], None]]:
    labels = {"method": method, "handler": handler}
    count = REQUESTS.labels(status=str(status), **labels).inc
    return count, DURATION.labels(status=f"{status // 100}xx", **labels).observe


@cache
def _operation_series(operation: str, status: int) -> Callable[[], None]:
    return metrics.OPERATIONS.labels(operation, _outcome(status)).inc


def _outcome(status: int) -> Outcome:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.FAILED
    return Outcome.REFUSED if status >= HTTPStatus.BAD_REQUEST else Outcome.OK
