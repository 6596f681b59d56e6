"""An issuer that answers with anything but its keys, or elsewhere, or too late."""

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.api.auth.faults import FAULTS
from tests.support.auth.issuer import JWKS, Issuer, send, serving
from tests.support.auth.token_client import api_trusting

CHUNK = b" " * 2**16
ENOUGH = 32 * 2**20  # bytes: more than any buffer between the two holds
COLD = [
    "500",
    "404",
    "429",
    "HTML",
    "no keys",
    "keys of no use",
    "10 MB",
    "closed at once",
    "no HTTP",
]
SECONDS = 3  # that a fetch may take


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


def fails(issuer: Issuer, fault: str) -> None:
    """From now on the answer is this one."""
    issuer.answer = lambda handler: FAULTS[fault](handler, issuer.document)


@pytest.mark.parametrize("fault", COLD)
def test_without_keys_nobody_can_be_told(fault: str, issuer: Issuer, database_url: str) -> None:
    fails(issuer, fault)
    with api_trusting(issuer, database_url) as guest:
        assert guest.outcome(issuer.token(guest.user_id)) == "keys_unavailable"
        assert guest.outcome(issuer.token("bob")) == "keys_unavailable"
        assert guest.outcome("no.token.atall") == "token_invalid"
    assert issuer.fetches > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_replaces_nothing(fault: str, issuer: Issuer, database_url: str) -> None:
    with api_trusting(issuer, database_url) as guest:
        known = issuer.token(guest.user_id)
        assert guest.outcome(known) == "ok"
        issuer.rotate()
        fails(issuer, fault)

        assert guest.outcome(issuer.token(guest.user_id)) == "keys_unavailable"
        assert guest.outcome(known) == "ok"
    assert issuer.fetches == 2


@pytest.mark.parametrize(
    ("status", "target"),
    [
        *((status, "http://127.0.0.1:{}/api/auth/jwks") for status in (301, 302, 303, 307, 308)),
        (302, "//127.0.0.1:{}/api/auth/jwks"),
        (307, "/elsewhere"),
    ],
)
def test_a_redirect_is_not_followed(
    status: int, target: str, issuer: Issuer, database_url: str
) -> None:
    with serving(Issuer()) as elsewhere:
        address = {"Location": target.format(elsewhere.port)}
        elsewhere.entries = issuer.entries
        issuer.answer = lambda handler: send(
            handler, issuer.document, status if handler.path == JWKS else 200, **address
        )
        with api_trusting(issuer, database_url) as guest:
            assert guest.outcome(issuer.token(guest.user_id)) == "keys_unavailable"
        assert (elsewhere.connections, set(issuer.paths)) == (0, {JWKS})


def never(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """No word until the other side hangs up."""
    handler.rfile.read(1)


def late(handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """The whole answer, a second too late."""
    time.sleep(SECONDS + 1)
    send(handler, good)


def dripping(handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """An answer that begins at once and comes byte by byte; its end is too late."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for byte in good:
        handler.wfile.write(bytes([byte]))
        time.sleep(2 * SECONDS / len(good))


@pytest.mark.parametrize(
    "slow",
    [never, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (late, dripping))],
)
def test_what_is_slow_is_away(
    slow: Callable[[BaseHTTPRequestHandler, bytes], None], issuer: Issuer, database_url: str
) -> None:
    with api_trusting(issuer, database_url) as guest:
        known = issuer.token(guest.user_id)
        assert guest.outcome(known) == "ok"
        issuer.rotate()
        issuer.answer = lambda handler: slow(handler, issuer.document)

        assert guest.outcome(issuer.token(guest.user_id)) == "keys_unavailable"
        assert guest.outcome(known) == "ok"
    assert issuer.fetches == 2


def test_an_answer_without_end_is_not_read_to_its_end(issuer: Issuer, database_url: str) -> None:
    sent: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while sum(sent) < ENOUGH:
            sent.append(handler.wfile.write(CHUNK))

    issuer.answer = answer
    with api_trusting(issuer, database_url) as guest:
        assert guest.outcome(issuer.token(guest.user_id)) == "keys_unavailable"
    assert 0 < sum(sent) < ENOUGH
