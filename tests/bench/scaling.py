"""A page and one task, in tables of ten thousand to ten million rows.

On one connection: what grows with the table is the time of an answer, not a worker's queue.
"""

from contextlib import ExitStack

from tests.bench import workload
from tests.bench.measure import Entry, measure, ratio, say
from tests.bench.servers import PRODUCT, started
from tests.support.database.query_plans import cursor_on, populated

SIZES = (10**4, 10**5, 10**6, 10**7)
RUNS, SECONDS = 5, 3
TASKS_PER_USER = 100


def measured(sizes: tuple[int, ...], *, runs: int = RUNS, seconds: int = SECONDS) -> list[Entry]:
    """One entry per operation and size; all sizes are there at once, and take turns."""
    servers, cycles = {}, {}
    with ExitStack() as stack:
        for size in sizes:
            users = size // TASKS_PER_USER
            say(f"Filling a table of {size:,} tasks")
            url = stack.enter_context(populated(users, size))
            with cursor_on(url) as cursor:
                cycles[target(size)] = workload.of_many_users(cursor, users)
            servers[target(size)] = stack.enter_context(started(PRODUCT, url))
        figures = measure(servers, cycles, runs=runs, seconds=seconds, connections=1)
    smallest = target(sizes[0])
    return [
        figure.entry(of_smallest=ratio(figure.p50_ms, figures[smallest, figure.operation].p50_ms))
        for figure in figures.values()
    ]


def target(size: int) -> str:
    """The product over a table of this size."""
    return f"{size:,} rows"
