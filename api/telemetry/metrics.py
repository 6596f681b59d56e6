"""What is counted and measured.

Labels come from closed sets: route templates, methods, status codes, names of ours. Whatever a
client writes never becomes a label.
"""

import itertools
from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from prometheus_fastapi_instrumentator import metrics
from prometheus_fastapi_instrumentator.metrics import Info

from api import __version__
from api.telemetry.request_context import RequestContext

# 0.5 s, the objective, is an exact bound.
LATENCY = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75),
    *(1.0, 1.5, 2.5, 5.0, 10.0),
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REASONS = (
    "algorithm_not_accepted",
    "algorithm_of_another_key",
    "bad_signature",
    "bad_subject",
    "expired",
    "forbidden",
    "malformed",
    "missing",
    "no_key_id",
    "not_yet_valid",
    "unknown_key",
    "unknown_user",
    "wrong_audience",
    "wrong_issuer",
)
OUTCOMES = ("ok", "refused", "failed")
REFUSED, NOT_ALLOWED, FAILED = 400, 405, 500
NOTHING: Any = None  # the instrumentator's builders that we use ask for no request

count_request = metrics.requests()
time_request = metrics.latency(should_include_status=True, buckets=LATENCY)

ROUND_TRIPS = Histogram(
    "tasks_api_db_round_trips",
    "Messages to the database per request.",
    buckets=(0, 1, 2, 3, 5, 8, 13),
)
QUERY = Histogram(
    "tasks_api_db_query_seconds", "From a message to its answer.", ["operation"], buckets=LATENCY
)
POOL_WAIT = Histogram("tasks_api_db_pool_wait_seconds", "For a connection.", buckets=LATENCY)
POOL_USED = Gauge("tasks_api_db_pool_used", "Connections in use.", multiprocess_mode="livesum")
CONNECTS = Counter("tasks_api_db_connects_total", "New connections.", ["outcome"])
CONNECT = Histogram("tasks_api_db_connect_seconds", "To a new connection.", buckets=LATENCY)
COLD_STARTS = Counter("tasks_api_db_cold_starts_total", "Connections that took more than 0.3 s.")
RECONNECTS = Counter("tasks_api_db_reconnects_total", "Idle connections replaced.", ["reason"])
RETRIES = Counter("tasks_api_db_retries_total", "Messages sent a second time.", ["operation"])
UNAVAILABLE = Counter("tasks_api_db_unavailable_total", "Messages that failed.", ["cause"])
BREAKER_OPEN = Gauge(
    "tasks_api_db_breaker_open", "Workers that wait for the database.", multiprocess_mode="livesum"
)
PROBLEMS = Counter("tasks_api_problems_total", "Error answers.", ["code"])
AUTH_FAILURES = Counter("tasks_api_auth_failures_total", "Refused callers.", ["reason"])
OPERATIONS = Counter("tasks_api_operations_total", "Operations.", ["operation", "outcome"])
WORKERS = Gauge("tasks_api_workers", "Workers that run.", multiprocess_mode="livesum")
IN_FLIGHT_LIMIT = Gauge(
    "tasks_api_in_flight_limit",
    "Requests in flight beyond which others are refused.",
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "tasks_api_db_pool_size", "Connections there may be.", multiprocess_mode="livesum"
)
FAILURES = Gauge(
    "tasks_api_db_failures",
    "Messages that failed since one succeeded.",
    multiprocess_mode="livemax",
)
OPEN_FILES = Gauge("tasks_api_open_files", "Of all workers.", multiprocess_mode="livesum")
METRICS_DIRECTORY = Gauge(
    "tasks_api_metrics_directory_used_ratio",
    "Use of the file system of these files.",
    multiprocess_mode="livemax",
)
SHED = Counter("tasks_api_shed_total", "Requests refused because too many were in flight.")
IN_FLIGHT = Gauge("tasks_api_in_flight", "Requests in flight.", multiprocess_mode="livesum")
QUEUE = Histogram("tasks_api_queue_seconds", "From the proxy to the worker.", buckets=LATENCY)
LOOP_LAG = Histogram("tasks_api_event_loop_lag_seconds", "How late a timer ran.", buckets=LATENCY)
MEMORY = Gauge(
    "tasks_api_memory_bytes", "Resident memory of all workers.", multiprocess_mode="livesum"
)
CPU = Counter("tasks_api_cpu_seconds_total", "CPU time of all workers.")
RESTARTS = Counter("tasks_api_worker_exits_total", "Workers that ended.")
BUILD = Gauge(
    "tasks_api_build_info", "Always 1.", ["version", "revision"], multiprocess_mode="livemax"
)

known_operations: set[str] = set()


def initialise(
    revision: str,
    *,
    operations: Iterable[str],
    messages: Iterable[str],
    causes: Iterable[str],
    codes: Iterable[str],
) -> None:
    """Make every series there is going to be: the first scrape shows zeros, not gaps."""
    BUILD.labels(__version__, revision).set(1)
    for code in codes:
        PROBLEMS.labels(code)
    for outcome in ("ok", "failed"):
        CONNECTS.labels(outcome)
    for reason in REASONS:
        AUTH_FAILURES.labels(reason)
    for reason in ("ended", "idle", "silent"):
        RECONNECTS.labels(reason)
    for message in messages:
        QUERY.labels(message)
        RETRIES.labels(message)
    for cause in causes:
        UNAVAILABLE.labels(cause)
    known_operations.update(operations)
    for operation, outcome in itertools.product(known_operations, OUTCOMES):
        OPERATIONS.labels(operation, outcome)


def observe(method: str, route: Any, current: RequestContext) -> None:
    """Take one finished request into account: exact status in the count, its class in the time."""
    matched = route and method != "OPTIONS" and current.status != NOT_ALLOWED
    known = method if method in METHODS else "other"
    handler = route.path if matched else "unmatched"
    info = Info(NOTHING, None, known, handler, "", current.elapsed())
    for instrument, status in (
        (count_request, str(current.status)),
        (time_request, f"{current.status // 100}xx"),
    ):
        if instrument:
            info.modified_status = status
            instrument(info)
    if current.code:
        PROBLEMS.labels(current.code).inc()
    if current.reason and current.status in {401, 403}:
        AUTH_FAILURES.labels(current.reason).inc()
    if matched and route.name in known_operations:
        ROUND_TRIPS.observe(current.round_trips)
        OPERATIONS.labels(route.name, _outcome(current.status)).inc()


def _outcome(status: int) -> str:
    return "failed" if status >= FAILED else "refused" if status >= REFUSED else "ok"
