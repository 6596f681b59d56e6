"""Request ids, log lines, client addresses and timeouts of nginx."""

from contextlib import suppress

import pytest

from tests.deploy.edge_client import answer, connected, got, request
from tests.support.documents import block
from tests.support.stack.compose_stack import NO_LIMITS, Stack

pytestmark = pytest.mark.slow

UNFINISHED = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
TRUSTED_PROXY = block("deploy/README.md", "set_real_ip_from")


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
def test_a_well_formed_request_id_is_kept_and_any_other_replaced(
    lifted: Stack, path: str, sent: str, *, kept: bool
) -> None:
    [found] = got(lifted, f"X-Request-ID: {sent}", path=path).headers.get_all("x-request-id", [])

    assert (found == sent) is kept
    assert 8 <= len(found) <= 64


def logged_address(stack: Stack, *lines: str) -> str:
    """The client address in the log for a request with these header lines."""
    request_id = got(stack, *lines, path="/nothing").headers["x-request-id"]
    stack.wait_for_entry("nginx", request_id)
    [line] = stack.entries("nginx", request_id)
    return str(line["client"])


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_a_client_cannot_forge_the_logged_address(lifted: Stack, header: str) -> None:
    forged = logged_address(lifted, f"{header}: 6.6.6.6")

    assert forged == logged_address(lifted) != "6.6.6.6"


def test_a_trusted_proxy_sets_the_client_address(lifted: Stack) -> None:
    lifted.set_limits(TRUSTED_PROXY.replace("192.0.2.0/24", logged_address(lifted)))
    named = logged_address(lifted, "X-Forwarded-For: 6.6.6.6, 203.0.113.9")
    lifted.set_limits(NO_LIMITS)

    assert named == "203.0.113.9"


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/startupz"])
def test_a_probe_is_not_logged(lifted: Stack, path: str) -> None:
    probe = got(lifted, path=path).headers["x-request-id"]
    later = got(lifted, path="/nothing").headers["x-request-id"]
    lifted.wait_for_entry("nginx", later)

    assert lifted.entries("nginx", probe) == []


@pytest.mark.parametrize("path", ["/livez%0A", "/metrics%0A", "/x/../livez", "/x/../metrics"])
def test_a_probe_or_the_metrics_in_disguise_is_404_and_logged(lifted: Stack, path: str) -> None:
    refused = got(lifted, path=path)

    assert refused.status == 404
    lifted.wait_for_entry("nginx", refused.headers["x-request-id"])


def test_a_body_for_a_probe_is_logged(lifted: Stack) -> None:
    with connected(lifted) as link:
        refused = answer(link, request("POST", "/livez", "Content-Length: 9"))

    assert refused.status == 413
    lifted.wait_for_entry("nginx", refused.headers["x-request-id"])


@pytest.mark.parametrize("target", ["/" + "a" * 6000, "/" + '"' * 3000])
def test_a_long_path_is_truncated_in_the_log(lifted: Stack, target: str) -> None:
    refused = got(lifted, path=target)
    lifted.wait_for_entry("nginx", refused.headers["x-request-id"])
    [logged] = lifted.entries("nginx", refused.headers["x-request-id"])

    assert 1 <= len(logged["path"]) <= 1000


def test_the_edge_logs_the_method_that_was_sent(lifted: Stack) -> None:
    with connected(lifted) as link:
        refused = answer(link, request("POST", "/api/a/tasks", "Content-Length: 70000"))
    lifted.wait_for_entry("nginx", refused.headers["x-request-id"])
    [logged] = lifted.entries("nginx", refused.headers["x-request-id"])

    assert (logged["method"], logged["status"]) == ("POST", "413")


def test_an_incomplete_header_times_out(lifted: Stack) -> None:
    with connected(lifted) as link:
        link.settimeout(30)  # nginx's own default would be 60
        link.sendall(UNFINISHED)
        with suppress(ConnectionResetError):
            assert b"200" not in link.recv(1000)


def test_a_page_of_a_long_query_links_to_the_next_one(lifted: Stack) -> None:
    tags = [f"{number} " + "\u0449" * 45 for number in range(16)]
    with lifted.user("tagged") as tagged:
        for title in ("first", "second"):
            tagged.post("/tasks", json={"title": title, "tags": tags}).raise_for_status()
        page = tagged.get("/tasks", params={"limit": 1, "tag": tags})
        rest = tagged.get(lifted.base_url + page.links["next"]["url"])

    assert len(page.headers["link"]) > 4096
    assert [task["title"] for task in page.json() + rest.json()] == ["second", "first"]
