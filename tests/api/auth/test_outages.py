"""Outages of the issuer: down and back, hanging, or with an untrusted certificate."""

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import BinaryIO

import certifi
import pytest

from api.auth.jwks_source import tls_context
from tests.support.auth.issuer import JWKS, Issuer, send, serving
from tests.support.auth.token_client import api_trusting
from tests.support.http.certificates import self_signed
from tests.support.http.client import token
from tests.support.http.server import SECRET
from tests.support.waiting import wait_until


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """An event that is set by the test, or at its end."""
    event = threading.Event()
    yield event
    event.set()


def block(gate: threading.Event, issuer: Issuer) -> None:
    """Make the issuer answer only once the gate is set."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        gate.wait()
        send(handler, issuer.document)

    issuer.answer = answer


def test_the_api_starts_without_its_issuer(database_url: str) -> None:
    with serving(Issuer()) as issuer:
        pass
    with api_trusting(issuer, database_url, better_auth_secret=SECRET) as client:
        signed = issuer.token(client.user_id)
        assert client.outcome(signed) == "keys_unavailable"
        assert client.outcome(token(client.user_id)) == "ok"
        assert client.get("/readyz").status_code == 200

        with serving(issuer):
            wait_until(lambda: client.outcome(signed) == "ok")


def test_an_outage_affects_only_unknown_keys_until_it_ends(database_url: str) -> None:
    with ExitStack() as up:
        issuer = up.enter_context(serving(Issuer()))
        with api_trusting(issuer, database_url) as client:
            known = issuer.token(client.user_id)
            assert client.outcome(known) == "ok"
            up.close()
            issuer.rotate()
            rotated = issuer.token(client.user_id)
            codes = [client.outcome(each) for each in (rotated, known, rotated, known)]
            assert codes == ["keys_unavailable", "ok"] * 2

            with serving(issuer):
                wait_until(lambda: client.outcome(rotated) == "ok")
                assert client.outcome(known) == "ok"


def test_the_cache_recovers_after_a_faulty_answer(database_url: str) -> None:
    with serving(Issuer()) as issuer:
        issuer.answer = lambda handler: send(handler, b"", 500)
        with api_trusting(issuer, database_url) as client:
            signed = issuer.token(client.user_id)
            assert client.outcome(signed) == "keys_unavailable"

            issuer.answer = None
            wait_until(lambda: client.outcome(signed) == "ok")
            unknown = issuer.token(client.user_id, issuer.unpublished_kid("unknown"))
            assert client.outcome(unknown) == "token_invalid"


def test_a_hanging_issuer_does_not_delay_known_keys(
    database_url: str, gate: threading.Event
) -> None:
    with serving(Issuer()) as issuer, api_trusting(issuer, database_url) as client:
        known = issuer.token(client.user_id)
        assert client.outcome(known) == "ok"
        block(gate, issuer)
        issuer.rotate()

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.outcome, issuer.token(client.user_id))
            wait_until(lambda: issuer.fetches == 2)
            assert [client.outcome(known) for _ in range(20)] == ["ok"] * 20
            assert not waiting.done()
            gate.set()
            assert waiting.result() == "ok"


def test_all_waiting_requests_share_the_first_fetch(
    database_url: str, gate: threading.Event
) -> None:
    with serving(Issuer()) as issuer:
        block(gate, issuer)
        with api_trusting(issuer, database_url) as client, ThreadPoolExecutor(50) as pool:
            signed = issuer.token(client.user_id)
            waiting = [pool.submit(client.outcome, signed) for _ in range(50)]
            assert client.outcome("no.token.atall") == "token_invalid"
            gate.set()

            assert [each.result() for each in waiting] == ["ok"] * 50
        assert issuer.fetches == 1


def test_shutdown_cancels_a_hanging_fetch_without_a_warning(
    database_url: str, log: BinaryIO
) -> None:
    hung_up = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(1)
        hung_up.set()

    with serving(Issuer()) as issuer:
        issuer.answer = answer
        with api_trusting(issuer, database_url):
            wait_until(lambda: issuer.fetches == 1)
            log.read()
        assert hung_up.wait(60)
    assert b'"level":"warning"' not in log.read()


def test_the_certificate_of_the_issuer_is_verified(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = self_signed(tmp_path)
    with serving(Issuer(), context) as issuer:
        settings = {"better_auth_jwks_url": f"https://127.0.0.1:{issuer.port}{JWKS}"}
        with api_trusting(issuer, database_url, **settings) as client:
            assert client.outcome(issuer.token(client.user_id)) == "keys_unavailable"
        assert issuer.fetches == 0

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with api_trusting(issuer, database_url, **settings) as client:
            assert client.outcome(issuer.token(client.user_id)) == "ok"


def test_certificates_are_verified_alike_on_every_python(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    ours = tls_context().verify_flags
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    strict = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN

    assert ours & strict == tls_context().verify_flags & strict == strict
