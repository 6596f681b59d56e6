"""The product and its peers: the same database, the same requests, the same rounds."""

import urllib.error
import urllib.request
from contextlib import ExitStack

from tests.bench import workload
from tests.bench.measure import Entry, Figure, Figures, measure, ratio, say
from tests.bench.servers import PEERS, PRODUCT, started
from tests.bench.workload import Cycles
from tests.bench.wrk import Request
from tests.support.database.counting_proxy import counting
from tests.support.database.query_plans import cursor_on, populated

USERS, TASKS = 10_000, 1_000_000
RUNS, SECONDS = 5, 4


def measured(
    users: int = USERS, tasks: int = TASKS, *, runs: int = RUNS, seconds: int = SECONDS
) -> list[Entry]:
    """One entry per operation and target."""
    say(f"The product and its peers, {tasks:,} tasks of {users:,} users")
    with populated(users, tasks) as url:
        with cursor_on(url) as cursor:
            cycles = workload.six_operations(cursor)
        trips = {name: round_trips(name, url, cycles) for name in (PRODUCT, *PEERS)}
        with ExitStack() as stack:
            servers = {name: stack.enter_context(started(name, url)) for name in trips}
            everything = dict.fromkeys(servers, cycles)
            figures = measure(servers, everything, runs=runs, seconds=seconds)
    return [
        figure.entry(round_trips=trips[figure.target][figure.operation], **beside(figure, figures))
        for figure in figures.values()
    ]


def beside(figure: Figure, figures: Figures) -> dict[str, list[float]]:
    """Of a peer, how many times its throughput and its CPU time the product has; of the product,
    how far its slowest requests are from the usual one, and what it costs beside a list.
    """
    product = figures[PRODUCT, figure.operation]
    if product is not figure:
        return {
            "product_rps": ratio(product.rps, figure.rps),
            "product_cpu": ratio(product.cpu_us, figure.cpu_us),
        }
    return {
        "tail": ratio(figure.p99_ms, figure.p50_ms),
        "of_list": ratio(figure.cpu_us, figures[PRODUCT, workload.LIST].cpu_us),
    }


def round_trips(name: str, url: str, cycles: Cycles) -> dict[str, int]:
    """Messages to the database for one request of each operation, on a warm connection."""
    found = {}
    with counting(url) as (proxy, counted), started(name, counted) as server:
        for operation, requests in cycles.items():
            send(server.url, requests[0])
            before = proxy.round_trips
            send(server.url, requests[0])
            found[operation] = proxy.round_trips - before
    return found


def send(url: str, request: Request) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    headers = {"Authorization": f"Bearer {request.token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(
        url + request.path,
        request.body.encode() or None,
        headers if request.body else headers | {"Content-Length": "0"},
        method=request.method,
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
