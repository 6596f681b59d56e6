"""One to a thousand concurrent clients, with one and two workers, and the workers' memory."""

from tests.bench import workload
from tests.bench.measure import Entry, Figure, say
from tests.bench.operation import Workload
from tests.bench.servers import PRODUCT, Server, started
from tests.bench.tokens import issuing
from tests.bench.workload import PAGE
from tests.support.database.query_plans import cursor_on, populated

USERS, TASKS = 100, 10_000
# Seconds by number of clients.
CLIENTS = {1: 5, 10: 5, 100: 5, 1000: 15}
REQUESTS = 100_000
CONNECTIONS = 16


def measured(clients: dict[int, int] = CLIENTS, requests: int = REQUESTS) -> list[Entry]:
    """Entries by number of workers: one per number of clients, and one of memory."""
    entries = []
    with populated(USERS, TASKS) as url, issuing() as tokens:
        with cursor_on(url) as cursor:
            operations = workload.of_many_users(cursor, tokens, USERS)
        for workers in (1, 2):
            with started(PRODUCT, url, tokens, workers=workers) as server:
                entries += [concurrent(server, operations, *of, workers) for of in clients.items()]
            with started(PRODUCT, url, tokens, workers=workers) as server:
                entries.append(memory(server, operations, requests, workers))
    return entries


def concurrent(
    server: Server, operations: Workload, clients: int, seconds: int, workers: int
) -> Entry:
    """Pages for so many clients; ``refused`` counts 503 and 429, ``wrong`` other failures."""
    figure = Figure(PAGE, named(f"{clients:,} client{'s'[: clients - 1]}", workers))
    say(figure.target)
    page = operations[PAGE]
    run = figure.run(server, page, connections=clients, seconds=seconds, by_status=True)
    if run.requests < clients:
        raise SystemExit(f"{seconds} s are too few for {clients:,} clients: {run}")
    refused = sum(run.statuses.get(status, 0) for status in ("429", "503"))
    wrong = sum(run.statuses.values()) - refused + run.socket_errors
    return figure.entry(answers=run.requests, refused=refused, wrong=wrong)


def memory(server: Server, operations: Workload, requests: int, workers: int) -> Entry:
    """The resident memory of each worker before and after so many requests, after a warm-up."""
    figure = Figure(PAGE, named(f"{requests:,} requests", workers))
    say(figure.target)
    _send(server, operations, Figure(PAGE, "warming up"), requests // 5)
    before = server.memory_kib()
    _send(server, operations, figure, requests)
    return figure.entry(memory_kib=[before, server.memory_kib()])


def named(what: str, workers: int) -> str:
    """The target of an entry."""
    return f"{what}, {workers} worker{'s'[: workers - 1]}"


def _send(server: Server, operations: Workload, figure: Figure, requests: int) -> None:
    while sum(run.requests for run in figure.loads) < requests:
        figure.run(server, operations[PAGE], connections=CONNECTIONS, seconds=5)
        figure.check()
