"""Attacks with forged tokens, against an API that has both a secret and an issuer's keys."""

import time
from collections.abc import Iterator
from typing import BinaryIO

import httpx2 as httpx
import orjson
import pytest

from tests.api.auth.attacks import (
    BY_SECRET,
    SIGNING,
    Stage,
    claims,
    confusion,
    headers,
    kinds,
    parts,
    signatures,
)
from tests.support.auth.issuer import JWKS, Issuer, serving
from tests.support.auth.jws import compact
from tests.support.auth.token_client import REFUSALS, TokenClient, api_trusting
from tests.support.database.counting_proxy import CountingProxy, counting
from tests.support.http.server import SECRET
from tests.support.waiting import TIMEOUT_SECONDS

TABLES = (claims, confusion, headers, kinds, parts, signatures)
ATTACKS = {name: attack for table in TABLES for name, attack in table.ATTACKS.items()}


@pytest.fixture(scope="module")
def trap() -> Iterator[Issuer]:
    """A server whose URL stands in forged tokens; it must never be contacted."""
    with serving(Issuer()) as made:
        yield made
    assert made.connections == 0


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """The issuer that the API trusts; it receives requests for its keys only."""
    with serving(Issuer()) as made:
        yield made
    assert set(made.paths) == {JWKS}


@pytest.fixture(scope="module")
def proxy(database_url: str) -> Iterator[tuple[CountingProxy, str]]:
    """A proxy that counts messages to the database, and the URL through it."""
    with counting(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def client(issuer: Issuer, proxy: tuple[CountingProxy, str]) -> Iterator[TokenClient]:
    """The client of the attacker."""
    with api_trusting(issuer, proxy[1], better_auth_secret=SECRET) as made:
        yield made


@pytest.fixture(scope="module")
def stage(issuer: Issuer, trap: Issuer, client: TokenClient) -> Stage:
    """The issuer, its keys and the victim that the attacks use."""
    issuer.entries = [*signatures.WEAK, *issuer.entries]
    kids = {name: issuer.rotate(name) for name in SIGNING}
    assert client.outcome(issuer.token(client.user_id)) == "ok"
    return Stage(issuer, kids, client.user_id, trap.jwks_url)


def reason_for(response: httpx.Response, log: BinaryIO) -> str:
    """The reason of the refusal, from the log line of the request."""
    request_id, written = response.headers["x-request-id"], b""
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        written += log.read()
        for line in map(orjson.loads, written.split(b"\n")[:-1]):
            if (line["event"], line.get("request_id")) == ("request", request_id):
                return str(line["reason"])
    raise AssertionError(written)


def test_attack_names_are_unique() -> None:
    assert len(ATTACKS) == sum(len(table.ATTACKS) for table in TABLES)


@pytest.mark.parametrize("algorithm", [*SIGNING, "HS256"])
def test_the_unmodified_tokens_of_the_attacks_are_accepted(
    algorithm: str, stage: Stage, client: TokenClient, proxy: tuple[CountingProxy, str]
) -> None:
    before = len(proxy[0].messages)
    if algorithm == "HS256":
        token = compact({"alg": algorithm}, stage.claims(), BY_SECRET)
    else:
        token = stage.signed(stage.head(algorithm), stage.claims(), algorithm)

    assert client.outcome(token) == "ok"
    assert len(proxy[0].messages) == before + 1


@pytest.mark.parametrize(
    ("lines", "status", "code", "challenge"),
    [(0, 401, "token_missing", 'Bearer realm="tasks"'), (2, 400, "invalid_request", None)],
)
def test_exactly_one_authorization_header_is_required(
    lines: int, status: int, code: str, challenge: str | None, stage: Stage, client: TokenClient
) -> None:
    token = stage.signed(stage.head(), stage.claims())
    headers = [("Authorization", f"Bearer {token}")] * lines

    response = client.get(client.tasks, headers=headers)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers.get("www-authenticate") == challenge


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_without_a_database_message(
    name: str, stage: Stage, client: TokenClient, proxy: tuple[CountingProxy, str], log: BinaryIO
) -> None:
    attack = ATTACKS[name]
    before = (proxy[0].connections, len(proxy[0].messages))

    response = client.ask(attack.make(stage))

    code, challenge = response.json()["code"], response.headers["www-authenticate"]
    assert (code, response.status_code, challenge) == (attack.code, *REFUSALS[attack.code][:2])
    assert reason_for(response, log) == attack.reason
    assert (proxy[0].connections, len(proxy[0].messages)) == before
