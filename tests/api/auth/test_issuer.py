"""Tokens signed by an issuer, over HTTP: which are accepted under which settings."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.support.auth.issuer import Issuer, serving
from tests.support.auth.token_client import TokenClient, api_trusting
from tests.support.http.client import token
from tests.support.http.operations import Operation, operations, user_ids_in
from tests.support.http.server import SECRET

# By case: the algorithm of the key, and further members of its JWK.
SIGNING: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in ("EdDSA", "Ed25519", "ES256", "ES512", "RS256", "PS256")},
    **{
        f"{name}, undeclared": (name, {"alg": None})
        for name in ("EdDSA", "Ed25519", "ES256", "ES512", "RS256", "PS256")
    },
    "EdDSA by an Ed25519 key": ("EdDSA", {"alg": "Ed25519"}),
    "Ed25519 by an EdDSA key": ("Ed25519", {"alg": "EdDSA"}),
    "for signatures": ("EdDSA", {"use": "sig"}),
    "more members": ("ES256", {"key_ops": ["verify"], "x5t": "canary", "ext": True, "iat": 1}),
    "private too": ("EdDSA", {"d": "A" * 43}),
}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


@pytest.fixture(scope="module")
def published() -> Iterator[tuple[Issuer, dict[str, str]]]:
    """An issuer with a key of every kind at once, and the kids by kind."""
    issuer = Issuer()
    kids = {kind: issuer.rotate(name, **more) for kind, (name, more) in SIGNING.items()}
    with serving(issuer):
        yield issuer, kids


@pytest.fixture(scope="module")
def client(published: tuple[Issuer, dict[str, str]], database_url: str) -> Iterator[TokenClient]:
    """A client of an API that trusts all of these keys."""
    with api_trusting(published[0], database_url) as made:
        yield made


@pytest.mark.parametrize("operation", operations(), ids=str)
@pytest.mark.parametrize("kind", SIGNING)
def test_every_default_algorithm_is_accepted_by_every_operation(
    kind: str, operation: Operation, published: tuple[Issuer, dict[str, str]], client: TokenClient
) -> None:
    issuer, kids = published
    signed = issuer.token(client.user_id, {"kid": kids[kind]})
    client.headers["Authorization"] = f"Bearer {signed}"

    response = operation.send(client, client.user_id, operation.task_of(client))

    assert response.status_code == operation.status
    assert user_ids_in(response) <= {client.user_id}
    assert issuer.fetches == 1


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_a_token_is_refused_on_the_path_of_another_user(
    operation: Operation, published: tuple[Issuer, dict[str, str]], client: TokenClient
) -> None:
    signed = {"Authorization": f"Bearer {published[0].token('bob')}"}

    response = operation.send(client, client.user_id, headers=signed)

    assert response.status_code == 403


@pytest.mark.parametrize("algorithm", ["ES384", "RS512"])
def test_a_non_default_algorithm_must_be_configured(algorithm: str, database_url: str) -> None:
    with serving(Issuer(algorithm)) as issuer:
        with api_trusting(issuer, database_url) as client:
            assert client.outcome(issuer.token(client.user_id)) == "token_invalid"
        with api_trusting(issuer, database_url, auth_algorithms=f"EdDSA, {algorithm}") as client:
            assert client.outcome(issuer.token(client.user_id)) == "ok"


@pytest.mark.parametrize(
    ("algorithms", "by_secret", "by_key"),
    [
        ((), "ok", "ok"),
        ("EdDSA", "token_invalid", "ok"),
        ("HS256", "ok", "token_invalid"),
        ("HS256, ES256", "ok", "token_invalid"),
    ],
)
def test_auth_algorithms_selects_secret_keys_or_both(
    algorithms: Any, by_secret: str, by_key: str, issuer: Issuer, database_url: str
) -> None:
    settings = {"better_auth_secret": SECRET, "auth_algorithms": algorithms}

    with api_trusting(issuer, database_url, **settings) as client:
        assert client.outcome(token(client.user_id)) == by_secret
        assert client.outcome(issuer.token(client.user_id)) == by_key


def test_without_an_issuer_only_hs256_is_accepted(issuer: Issuer, database_url: str) -> None:
    settings = {"better_auth_secret": SECRET, "better_auth_url": None}

    with api_trusting(issuer, database_url, **settings) as client:
        assert client.outcome(token(client.user_id)) == "ok"
        assert client.outcome(issuer.token(client.user_id)) == "token_invalid"
    assert issuer.connections == 0


def test_all_keys_of_a_set_are_accepted(issuer: Issuer, database_url: str) -> None:
    kids = [issuer.rotate() for _ in range(12)]

    with api_trusting(issuer, database_url) as client:
        signed = [issuer.token(client.user_id, {"kid": kid}) for kid in kids]
        assert [client.outcome(each) for each in signed] == ["ok"] * 12
    assert issuer.fetches == 1


@pytest.mark.parametrize("user_id", [str(uuid4()), "1", "Zq3vN8xKfM2pYb7RtL0cWs5HdUe9JgAi"])
def test_user_ids_of_every_form(user_id: str, issuer: Issuer, database_url: str) -> None:
    with api_trusting(issuer, database_url, user_id) as client:
        assert client.outcome(issuer.token(user_id)) == "ok"
        assert client.outcome(issuer.token(f"{user_id}0")) == "user_mismatch"
