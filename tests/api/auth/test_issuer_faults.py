"""Faulty issuers: wrong answers, redirects, slow and endless answers."""

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.api.auth.faults import FAULTS
from tests.support.auth.issuer import JWKS, Issuer, send, serving
from tests.support.auth.token_client import api_trusting

CHUNK = b" " * 2**16
UNBUFFERED_BYTES = 32 * 2**20  # more than the socket buffers hold
COLD = [
    "500",
    "404",
    "429",
    "HTML",
    "text among keys",
    "10 MB",
    "closed at once",
    "no HTTP",
]
FETCH_SECONDS = 3


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


def answer_with(issuer: Issuer, fault: str) -> None:
    """Make the issuer answer with this fault."""
    issuer.answer = lambda handler: FAULTS[fault](handler, issuer.document)


@pytest.mark.parametrize("fault", COLD)
def test_a_cold_cache_and_a_faulty_issuer_answer_503(
    fault: str, issuer: Issuer, database_url: str
) -> None:
    answer_with(issuer, fault)
    with api_trusting(issuer, database_url) as client:
        assert client.outcome(issuer.token(client.user_id)) == "keys_unavailable"
        assert client.outcome(issuer.token("bob")) == "keys_unavailable"
        assert client.outcome("no.token.atall") == "token_invalid"
    assert issuer.fetches > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_answer_leaves_the_cached_keys_in_place(
    fault: str, issuer: Issuer, database_url: str
) -> None:
    with api_trusting(issuer, database_url) as client:
        known = issuer.token(client.user_id)
        assert client.outcome(known) == "ok"
        issuer.rotate()
        answer_with(issuer, fault)

        assert client.outcome(issuer.token(client.user_id)) == "keys_unavailable"
        assert client.outcome(known) == "ok"
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
        with api_trusting(issuer, database_url) as client:
            assert client.outcome(issuer.token(client.user_id)) == "keys_unavailable"
        assert (elsewhere.connections, set(issuer.paths)) == (0, {JWKS})


def never(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """Answer nothing until the client closes the connection."""
    handler.rfile.read(1)


def late(handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """Answer completely, one second after the timeout."""
    time.sleep(FETCH_SECONDS + 1)
    send(handler, good)


def dripping(handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """Answer byte by byte from the start, and end after the timeout."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for byte in good:
        handler.wfile.write(bytes([byte]))
        time.sleep(2 * FETCH_SECONDS / len(good))


@pytest.mark.parametrize(
    "slow",
    [never, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (late, dripping))],
)
def test_a_slow_issuer_counts_as_unavailable(
    slow: Callable[[BaseHTTPRequestHandler, bytes], None], issuer: Issuer, database_url: str
) -> None:
    with api_trusting(issuer, database_url) as client:
        known = issuer.token(client.user_id)
        assert client.outcome(known) == "ok"
        issuer.rotate()
        issuer.answer = lambda handler: slow(handler, issuer.document)

        assert client.outcome(issuer.token(client.user_id)) == "keys_unavailable"
        assert client.outcome(known) == "ok"
    assert issuer.fetches == 2


def test_an_endless_answer_is_cut_off(issuer: Issuer, database_url: str) -> None:
    sent: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while sum(sent) < UNBUFFERED_BYTES:
            sent.append(handler.wfile.write(CHUNK))

    issuer.answer = answer
    with api_trusting(issuer, database_url) as client:
        assert client.outcome(issuer.token(client.user_id)) == "keys_unavailable"
    assert 0 < sum(sent) < UNBUFFERED_BYTES
