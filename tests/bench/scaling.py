"""Pages, changes, 304s and one task in tables of ten thousand to ten million rows.

One connection, so that the time of a response is measured and not a worker's queue.
"""

from contextlib import ExitStack

from tests.bench import workload
from tests.bench.measure import Entry, measure, ratio, say
from tests.bench.servers import PRODUCT, started
from tests.bench.tokens import issuing
from tests.support.database.query_plans import cursor_on, populated

SIZES = (10**4, 10**5, 10**6, 10**7)
RUNS, SECONDS = 5, 3
TASKS_PER_USER = 100


def measured(sizes: tuple[int, ...], *, runs: int = RUNS, seconds: int = SECONDS) -> list[Entry]:
    """One entry per operation and size; all sizes exist at the same time and take turns."""
    servers, workloads = {}, {}
    with issuing() as tokens, ExitStack() as stack:
        for size in sizes:
            users = size // TASKS_PER_USER
            say(f"Filling a table of {size:,} tasks")
            url = stack.enter_context(populated(users, size))
            with cursor_on(url) as cursor:
                workloads[target(size)] = workload.of_many_users(cursor, tokens, users)
            servers[target(size)] = stack.enter_context(started(PRODUCT, url, tokens))
        figures = measure(servers, workloads, runs=runs, seconds=seconds, connections=1)
    smallest = target(sizes[0])
    return [
        figure.entry(of_smallest=ratio(figure.p50_ms, figures[smallest, figure.operation].p50_ms))
        for figure in figures.values()
    ]


def target(size: int) -> str:
    """The name of the product on a table of this size."""
    return f"{size:,} rows"
