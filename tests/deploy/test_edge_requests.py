"""What the edge makes of a request: its id, its log line, its address, and how long it may take."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.support.edge import answer, connected, got, request
from tests.support.stack import LIFTED, Stack, composed

pytestmark = pytest.mark.slow

UNFINISHED = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_CLIENTS = 500


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack without rate limits in the way."""
    with composed(limits=LIFTED) as running:
        yield running


@pytest.mark.parametrize("path", ["/livez", "/metrics"])
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("12345678", True),
        ("good.id_with-64-" + "x" * 48, True),
        ("1234567", False),
        ("x" * 65, False),
        ('quote"quote', False),
        ("back\\slash", False),
        ("white space", False),
        ("\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", False),
    ],
)
def test_a_good_request_id_is_kept_and_another_replaced(
    stack: Stack, path: str, sent: str, *, kept: bool
) -> None:
    [found] = got(stack, f"X-Request-ID: {sent}", path=path).headers.get_all("x-request-id", [])

    assert (found == sent) is kept
    assert 8 <= len(found) <= 64


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_nobody_chooses_the_address_that_is_logged(stack: Stack, header: str) -> None:
    honest = got(stack).headers["x-request-id"]
    forger = got(stack, f"{header}: 6.6.6.6").headers["x-request-id"]
    [expected], [logged] = stack.entries("nginx", honest), stack.entries("nginx", forger)

    assert logged["client"] == expected["client"] != "6.6.6.6"


def test_the_edge_logs_the_method_that_was_sent(stack: Stack) -> None:
    with connected(stack) as link:
        refused = answer(link, request("POST", "/api/a/tasks", "Content-Length: 70000"))
    stack.wait_for_entry("nginx", refused.headers["x-request-id"])
    [logged] = stack.entries("nginx", refused.headers["x-request-id"])

    assert (logged["method"], logged["status"]) == ("POST", "413")


def test_a_query_string_is_never_logged(stack: Stack) -> None:
    canary = "a-private-search"
    got(stack, path=f"/nothing?search={canary}")

    assert not any(canary in line for line in stack.logs("nginx")[0] + stack.logs("api")[0])


def test_half_a_header_is_closed(stack: Stack) -> None:
    with connected(stack) as link:
        link.settimeout(20)  # nginx's own default would be 60
        link.sendall(UNFINISHED)
        with suppress(ConnectionResetError):
            assert b"200" not in link.recv(1000)


def test_slow_clients_keep_nobody_else_out(stack: Stack) -> None:
    with ExitStack() as slow:
        links = [slow.enter_context(connected(stack)) for _ in range(SLOW_CLIENTS)]
        for link in links:
            link.sendall(UNFINISHED)
        statuses = [stack.status() for _ in range(50)]

    assert statuses == [200] * 50
