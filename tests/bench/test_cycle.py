"""wrk sends the token mix: 200 users, each with a token that is used 20 times."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench.operation import GENERATIONS, USES, token_mix
from tests.bench.workload import READERS
from tests.bench.wrk import Cycle, Request, load
from tests.support.auth.issuer import send
from tests.support.required_tools import require_tool

Sent = list[tuple[str, str]]


@pytest.fixture
def server() -> Iterator[tuple[str, Sent]]:
    """A server's URL, and the path and token of each request that it got, in order."""
    require_tool("wrk")
    sent: Sent = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            token = self.headers["Authorization"].removeprefix("Bearer ")
            sent.append((self.path, token))
            unchanged = self.headers["If-None-Match"] == '"1"'
            send(self, b"", 304 if unchanged else 200)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}", sent
        finally:
            listener.shutdown()


def test_each_token_is_used_20_times_among_those_of_200_users(server: tuple[str, Sent]) -> None:
    url, sent = server
    numbers = iter(range(GENERATIONS * len(READERS)))
    operation = token_mix(
        READERS, lambda _: f"token-{next(numbers)}", lambda user, t: Request("GET", f"/{user}", t)
    )
    cycle = operation.cycle()
    load(url, Cycle(cycle.requests, 4, cycle.uses, in_order=True), connections=1, seconds=1)

    expected = [
        (f"/reader-{4 * block + n}", f"token-{4 * block + n}")
        for block in range(3)
        for _ in range(USES)
        for n in range(4)
    ]
    assert (cycle.block, cycle.uses) == (200, 20)
    assert len({request.token for request in cycle.requests}) == len(cycle.requests)
    assert sent[: len(expected) - 1] == expected[1:]  # wrk tries the first one without sending it


def test_cycle_starts_again_after_its_last_block(server: tuple[str, Sent]) -> None:
    url, sent = server
    requests = [Request("GET", f"/{n}", "t") for n in range(5)]
    load(url, Cycle(requests, block=2, uses=2, in_order=True), connections=1, seconds=1)

    once = ["/0", "/1", "/0", "/1", "/2", "/3", "/2", "/3", "/4", "/4"]
    assert [path for path, _ in sent[:19]] == (once * 2)[1:]


def test_entity_tag_is_sent_and_304_is_counted(server: tuple[str, Sent]) -> None:
    url, _ = server
    cycle = Cycle([Request("GET", "/a", "t", entity_tag='"1"')])
    run = load(url, cycle, connections=1, seconds=1, by_status=True)

    assert run.statuses == {"304": run.requests}
    assert run.failed == 0
