"""Key rotation refuses no good token, and unknown key ids trigger few fetches."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.auth.issuer import Issuer, send, serving
from tests.support.auth.token_client import TokenClient, api_trusting
from tests.support.waiting import wait_until

CLIENTS = 4
BUDGET = 5
REFILL_SECONDS = 10


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


@pytest.fixture
def client(issuer: Issuer, database_url: str) -> Iterator[TokenClient]:
    """A client of an API that trusts the issuer."""
    with api_trusting(issuer, database_url) as made:
        yield made


def test_unknown_kids_trigger_five_fetches(issuer: Issuer, client: TokenClient) -> None:
    known = issuer.token(client.user_id)
    assert client.outcome(known) == "ok"
    started = time.monotonic()
    unknown = [
        issuer.token(client.user_id, issuer.unpublished_kid(f"unknown-{n}")) for n in range(1000)
    ]

    codes = Counter(client.outcome(each) for each in unknown)

    refilled = (time.monotonic() - started) / REFILL_SECONDS
    assert codes == {"token_invalid": 1000}
    assert BUDGET <= issuer.fetches - 1 <= BUDGET + refilled
    assert client.outcome(known) == "ok"


def test_a_repeated_unknown_kid_triggers_one_fetch(issuer: Issuer, client: TokenClient) -> None:
    assert client.outcome(issuer.token(client.user_id)) == "ok"
    unknown = issuer.token(client.user_id, issuer.unpublished_kid("unknown"))

    codes = [client.outcome(unknown) for _ in range(20)]

    assert codes == ["token_invalid"] * 20
    assert issuer.fetches == 1 + 1


def test_concurrent_requests_with_an_unknown_kid_stay_within_the_budget(
    issuer: Issuer, client: TokenClient
) -> None:
    assert client.outcome(issuer.token(client.user_id)) == "ok"
    unknown = issuer.token(client.user_id, issuer.unpublished_kid("unknown"))

    with ThreadPoolExecutor(20) as pool:
        codes = Counter(pool.map(client.outcome, [unknown] * 200))

    assert codes == {"token_invalid": 200}
    assert issuer.fetches - 1 <= BUDGET


def test_rotation_refuses_no_good_token(issuer: Issuer, client: TokenClient) -> None:
    codes: Counter[str] = Counter()
    for _ in range(50):
        issuer.rotate()
        codes[client.outcome(issuer.token(client.user_id))] += 1

    assert codes == {"ok": 50}
    assert issuer.fetches <= 1 + 50


def test_rotation_under_load_refuses_no_good_token(issuer: Issuer, client: TokenClient) -> None:
    turn = itertools.count(1)

    def send(_: int) -> str:
        if next(turn) % CLIENTS == 0:
            issuer.rotate()
        return client.outcome(issuer.token(client.user_id))

    with ThreadPoolExecutor(CLIENTS) as pool:
        codes = Counter(pool.map(send, range(400)))

    assert codes == {"ok": 400}
    assert len(issuer.keys) == 1 + 100


def test_a_token_newer_than_the_running_fetch_waits_for_the_next(
    issuer: Issuer, client: TokenClient
) -> None:
    known, gate = issuer.token(client.user_id), threading.Event()
    assert client.outcome(known) == "ok"
    unknown = issuer.token(client.user_id, issuer.unpublished_kid("unknown"))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        document = issuer.document
        gate.wait()
        send(handler, document)

    issuer.answer = answer
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(client.outcome, unknown)
        wait_until(lambda: issuer.fetches == 2)
        issuer.rotate()
        late = pool.submit(client.outcome, issuer.token(client.user_id))
        assert [client.outcome(known) for _ in range(20)] == ["ok"] * 20
        gate.set()

        assert (early.result(), late.result()) == ("token_invalid", "ok")
    assert issuer.fetches == 3


@pytest.mark.slow
def test_rotation_every_four_seconds_refuses_no_good_token(
    issuer: Issuer, client: TokenClient
) -> None:
    codes: Counter[str] = Counter()
    over = threading.Event()

    def load() -> None:
        while not over.wait(0.005):
            codes[client.outcome(issuer.token(client.user_id))] += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(load) for _ in range(CLIENTS)]
        for _ in range(10):
            time.sleep(4)
            issuer.rotate()
        over.set()
        assert [each.result() for each in running] == [None] * CLIENTS

    assert codes.keys() == {"ok"}
    assert codes["ok"] > 1000
