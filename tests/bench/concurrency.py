"""One to a thousand clients at once, one and two workers, and what memory does meanwhile."""

from tests.bench import workload
from tests.bench.measure import Entry, Figure, say
from tests.bench.servers import PRODUCT, Server, started
from tests.bench.workload import PAGE, Cycles
from tests.support.database.query_plans import cursor_on, populated

USERS, TASKS = 100, 10_000
# How many clients, and for how many seconds.
CROWDS = {1: 5, 10: 5, 100: 5, 1000: 15}
REQUESTS = 100_000
CONNECTIONS = 16


def measured(crowds: dict[int, int] = CROWDS, requests: int = REQUESTS) -> list[Entry]:
    """One entry per crowd and number of workers, and one of memory for each number of workers."""
    entries = []
    with populated(USERS, TASKS) as url:
        with cursor_on(url) as cursor:
            cycles = workload.of_many_users(cursor, USERS)
        for workers in (1, 2):
            with started(PRODUCT, url, workers=workers) as server:
                entries += [crowd(server, cycles, *of, workers) for of in crowds.items()]
            with started(PRODUCT, url, workers=workers) as server:
                entries.append(memory(server, cycles, requests, workers))
    return entries


def crowd(server: Server, cycles: Cycles, clients: int, seconds: int, workers: int) -> Entry:
    """Pages for so many clients; ``refused`` are 503 and 429, ``wrong`` is everything else."""
    figure = Figure(PAGE, named(f"{clients:,} client{'s'[: clients - 1]}", workers))
    say(figure.target)
    run = figure.run(server, cycles[PAGE], connections=clients, seconds=seconds, by_status=True)
    if run.requests < clients:
        raise SystemExit(f"{seconds} s are too few for {clients:,} clients: {run}")
    refused = sum(run.statuses.get(status, 0) for status in ("429", "503"))
    wrong = sum(run.statuses.values()) - refused + run.socket_errors
    return figure.entry(answers=run.requests, refused=refused, wrong=wrong)


def memory(server: Server, cycles: Cycles, requests: int, workers: int) -> Entry:
    """The resident memory of each worker before and after so many requests, once it is warm."""
    figure = Figure(PAGE, named(f"{requests:,} requests", workers))
    say(figure.target)
    _send(server, cycles, Figure(PAGE, "warming up"), requests // 5)
    before = server.memory_kib()
    _send(server, cycles, figure, requests)
    return figure.entry(memory_kib=[before, server.memory_kib()])


def named(what: str, workers: int) -> str:
    """The target of an entry."""
    return f"{what}, {workers} worker{'s'[: workers - 1]}"


def _send(server: Server, cycles: Cycles, figure: Figure, requests: int) -> None:
    while sum(run.requests for run in figure.loads) < requests:
        figure.run(server, cycles[PAGE], connections=CONNECTIONS, seconds=5)
        figure.check()
