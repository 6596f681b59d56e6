"""The product and its peers on the same database, with the same requests, in the same rounds."""

import urllib.error
import urllib.request
from contextlib import ExitStack

from tests.bench import workload
from tests.bench.measure import Entry, Figure, Figures, measure, ratio, say
from tests.bench.operation import Workload
from tests.bench.servers import PEERS, PRODUCT, started
from tests.bench.tokens import Tokens, issuing
from tests.bench.workload import EDDSA, LIST
from tests.bench.wrk import Request
from tests.support.database.counting_proxy import counting
from tests.support.database.query_plans import cursor_on, populated

USERS, TASKS = 10_000, 1_000_000
RUNS, SECONDS = 5, 4
HS256 = {eddsa: hs256 for hs256, eddsa in EDDSA.items()}


def measured(
    users: int = USERS, tasks: int = TASKS, *, runs: int = RUNS, seconds: int = SECONDS
) -> list[Entry]:
    """One entry per operation and target."""
    say(f"The product and its peers, {tasks:,} tasks of {users:,} users")
    with populated(users, tasks) as url, issuing() as tokens, ExitStack() as stack:
        with cursor_on(url) as cursor:
            operations = workload.operations(cursor, tokens)
        workloads = {name: of_target(name, operations) for name in (PRODUCT, *PEERS)}
        trips = {name: round_trips(name, url, tokens, own) for name, own in workloads.items()}
        servers = {name: stack.enter_context(started(name, url, tokens)) for name in workloads}
        figures = measure(servers, workloads, runs=runs, seconds=seconds)
    return [
        figure.entry(round_trips=trips[figure.target][figure.operation], **beside(figure, figures))
        for figure in figures.values()
    ]


def of_target(target: str, operations: Workload) -> Workload:
    """The operations that a target has."""
    return {
        name: each
        for name, each in operations.items()
        if not each.targets or target in each.targets
    }


def beside(figure: Figure, figures: Figures) -> dict[str, list[float]]:
    """The ratios of a figure to others of the same rounds.

    For a peer: the product's throughput and CPU time, divided by the peer's. For the product: the
    99th percentile divided by the median, the CPU time divided by that of a list of 20, and for
    EdDSA divided by that with HS256.
    """
    product = figures[PRODUCT, figure.operation]
    if product is not figure:
        return {
            "product_rps": ratio(product.rps, figure.rps),
            "product_cpu": ratio(product.cpu_us, figure.cpu_us),
        }
    ratios = {
        "tail": ratio(figure.p99_ms, figure.p50_ms),
        "of_list": ratio(figure.cpu_us, figures[PRODUCT, LIST].cpu_us),
    }
    if hs256 := HS256.get(figure.operation):
        ratios["of_hs256"] = ratio(figure.cpu_us, figures[PRODUCT, hs256].cpu_us)
    return ratios


def round_trips(name: str, url: str, tokens: Tokens, operations: Workload) -> dict[str, int]:
    """Round trips to the database for one request of each operation, on a warm connection."""
    found = {}
    with counting(url) as (proxy, counted), started(name, counted, tokens) as server:
        for operation, each in operations.items():
            requests = each.cycle().requests
            first, second = requests[0], requests[1 % len(requests)]
            send(server.url, first)
            before = proxy.round_trips
            send(server.url, second)
            found[operation] = proxy.round_trips - before
    return found


def send(url: str, request: Request) -> tuple[int, bytes]:
    """The status and the body of the response."""
    headers = {"Authorization": f"Bearer {request.token}"}
    if request.entity_tag:
        headers["If-None-Match"] = request.entity_tag
    headers |= {"Content-Type": "application/json"} if request.body else {"Content-Length": "0"}
    asked = urllib.request.Request(
        url + request.path, request.body.encode() or None, headers, method=request.method
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
