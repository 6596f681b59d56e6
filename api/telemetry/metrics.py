"""The metrics of the API.

Label values come from closed sets: route templates, methods, status codes and names of our own.
No text from a client ever becomes a label.
"""

import itertools
from collections.abc import Iterable, Mapping
from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram

from api import __version__

# 0.5 s, the latency objective, is an exact bound.
LATENCY_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75),
    *(1.0, 1.5, 2.5, 5.0, 10.0),
)


class Outcome(StrEnum):
    """How an operation or an attempt to connect ended."""

    OK = "ok"
    REFUSED = "refused"  # 4xx
    FAILED = "failed"  # 5xx


ROUND_TRIPS = Histogram(
    "tasks_api_db_round_trips",
    "Number of messages that were sent to the database for one request.",
    buckets=(0, 1, 2, 3, 5, 8, 13),
)
QUERY_SECONDS = Histogram(
    "tasks_api_db_query_seconds",
    "Time from sending a message to the database until its answer was read, in seconds.",
    ["operation"],
    buckets=LATENCY_BUCKETS,
)
POOL_WAIT = Histogram(
    "tasks_api_db_pool_wait_seconds",
    "Time that a request waited for a free database connection, in seconds.",
    buckets=LATENCY_BUCKETS,
)
POOL_USED = Gauge(
    "tasks_api_db_pool_used",
    "Number of database connections that are in use, summed over all workers.",
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "tasks_api_db_pool_size",
    "Maximum number of database connections, summed over all workers.",
    multiprocess_mode="livesum",
)
CONNECTS = Counter(
    "tasks_api_db_connects_total",
    "Number of attempts to open a database connection, by outcome.",
    ["outcome"],
)
CONNECT_SECONDS = Histogram(
    "tasks_api_db_connect_seconds",
    "Time until a new database connection was ready for use, in seconds.",
    buckets=LATENCY_BUCKETS,
)
COLD_STARTS = Counter(
    "tasks_api_db_cold_starts_total",
    "Number of new database connections that took more than 0.3 seconds to open.",
)
RECONNECTS = Counter(
    "tasks_api_db_reconnects_total",
    "Number of idle database connections that were replaced before use, by reason.",
    ["reason"],
)
RETRIES = Counter(
    "tasks_api_db_retries_total",
    "Number of messages that were sent to the database again, by operation.",
    ["operation"],
)
UNAVAILABLE = Counter(
    "tasks_api_db_unavailable_total",
    "Number of messages that the database did not execute or did not answer, by cause.",
    ["cause"],
)
FAILURES = Gauge(
    "tasks_api_db_failures",
    "Number of messages that failed since the last success, in the worker that has the most.",
    multiprocess_mode="livemax",
)
BREAKER_OPEN = Gauge(
    "tasks_api_db_breaker_open",
    "Number of workers whose circuit breaker for the database is open.",
    multiprocess_mode="livesum",
)
PROBLEMS = Counter(
    "tasks_api_problems_total", "Number of error answers of the API, by error code.", ["code"]
)
AUTH_FAILURES = Counter(
    "tasks_api_auth_failures_total",
    "Number of requests that were answered with 401 or 403, by reason.",
    ["reason"],
)
OPERATIONS = Counter(
    "tasks_api_operations_total",
    "Number of finished task operations, by operation and outcome.",
    ["operation", "outcome"],
)
BATCH_OPERATIONS = Histogram(
    "tasks_api_batch_operations",
    "Number of operations of a batch, whether it was applied or refused.",
    buckets=(1, 2, 5, 10, 20, 50, 100),
)
CHANGES_LAG = Histogram(
    "tasks_api_changes_lag_seconds",
    "Age of the oldest change that a client had not seen when it asked for changes, in seconds.",
    buckets=(1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400),
)
IN_FLIGHT = Gauge(
    "tasks_api_in_flight",
    "Number of requests that are being served, summed over all workers.",
    multiprocess_mode="livesum",
)
IN_FLIGHT_LIMIT = Gauge(
    "tasks_api_in_flight_limit",
    "Number of requests in flight above which new ones are refused, summed over all workers.",
    multiprocess_mode="livesum",
)
SHED = Counter(
    "tasks_api_shed_total",
    "Number of requests that were refused because too many were in flight.",
)
QUEUE_SECONDS = Histogram(
    "tasks_api_queue_seconds",
    "Time from the arrival of a request at the proxy until a worker took it, in seconds.",
    buckets=LATENCY_BUCKETS,
)
EVENT_LOOP_LAG = Histogram(
    "tasks_api_event_loop_lag_seconds",
    "Time by which a timer of the event loop ran late, in seconds.",
    buckets=LATENCY_BUCKETS,
)
WORKERS = Gauge(
    "tasks_api_workers", "Number of workers that are running.", multiprocess_mode="livesum"
)
WORKER_EXITS = Counter(
    "tasks_api_worker_exits_total", "Number of workers that exited, for whatever reason."
)
CPU_SECONDS = Counter("tasks_api_cpu_seconds_total", "CPU time that all workers used, in seconds.")
MEMORY_BYTES = Gauge(
    "tasks_api_memory_bytes",
    "Resident memory of all workers, in bytes.",
    multiprocess_mode="livesum",
)
OPEN_FILES = Gauge(
    "tasks_api_open_files",
    "Number of open file descriptors, sockets included, of all workers.",
    multiprocess_mode="livesum",
)
METRICS_DIRECTORY_USED = Gauge(
    "tasks_api_metrics_directory_used_ratio",
    "Used part of the file system that holds the workers' metric files, from 0 to 1.",
    multiprocess_mode="livemax",
)
BUILD = Gauge(
    "tasks_api_build_info",
    "Version and source revision that are running; the value is always 1.",
    ["version", "revision"],
    multiprocess_mode="livemax",
)

known_operations: set[str] = set()


def initialise(
    revision: str,
    *,
    operations: Iterable[str],
    statements: Iterable[str],
    label_values: Mapping[Counter, Iterable[str]],
) -> None:
    """Create every series, so that the first scrape has a 0 where nothing has happened yet.

    ``label_values`` has all values of the one label of each of these counters.
    """
    BUILD.labels(__version__, revision).set(1)
    known_operations.update(operations)
    for operation, outcome in itertools.product(known_operations, Outcome):
        OPERATIONS.labels(operation, outcome)
    for outcome in (Outcome.OK, Outcome.FAILED):
        CONNECTS.labels(outcome)
    for statement in statements:
        QUERY_SECONDS.labels(statement)
        RETRIES.labels(statement)
    for counter, values in label_values.items():
        for value in values:
            counter.labels(value)
