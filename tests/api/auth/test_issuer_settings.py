"""Issuer settings over HTTP: URLs, issuers, audiences, a configured JWK Set."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.auth.issuer import JWKS, Issuer, serving
from tests.support.auth.token_client import TokenClient, api_trusting

PUBLIC = "http://localhost:3000"
OTHER = "https://other.example.com"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "asked"),
    [("", JWKS), ("/", JWKS), ("/api/auth", JWKS), ("/api/auth/", JWKS), ("/sub", "/sub/jwks")],
)
def test_the_jwks_url_follows_better_auth_url(
    path: str, asked: str, issuer: Issuer, database_url: str
) -> None:
    with api_trusting(issuer, database_url, better_auth_url=issuer.url + path) as client:
        assert client.outcome(issuer.token(client.user_id)) == "ok"
    assert issuer.paths == [asked]


def test_the_jwks_url_may_differ_from_the_issuer(issuer: Issuer, database_url: str) -> None:
    settings = {"better_auth_url": PUBLIC, "better_auth_jwks_url": f"{issuer.url}/keys?v=1"}

    with api_trusting(issuer, database_url, **settings) as client:
        named = issuer.token(client.user_id, iss=PUBLIC, aud=PUBLIC)
        assert client.outcome(named) == "ok"
        assert client.outcome(issuer.token(client.user_id)) == "token_invalid"
    assert issuer.paths == ["/keys?v=1"]


def test_a_configured_jwk_set_is_never_fetched(issuer: Issuer, database_url: str) -> None:
    settings = {"better_auth_jwks": issuer.document.decode(), "better_auth_url": issuer.url}
    settings["better_auth_jwks_url"] = issuer.jwks_url

    with api_trusting(issuer, database_url, **settings) as client:
        assert client.outcome(issuer.token(client.user_id)) == "ok"
        issuer.rotate()
        assert client.outcome(issuer.token(client.user_id)) == "token_invalid"
    assert issuer.connections == 0


LISTS: dict[str, tuple[dict[str, Any], str]] = {
    "the JWKS URL": ({}, "token_invalid"),
    "the first of the issuers": ({"iss": PUBLIC, "aud": "tasks"}, "ok"),
    "the second of them": ({"iss": OTHER, "aud": "tasks"}, "ok"),
    "the second of the audiences": ({"iss": OTHER, "aud": "more"}, "ok"),
    "an audience in a list": ({"iss": OTHER, "aud": ["else", "more"]}, "ok"),
    "all audiences": ({"iss": OTHER, "aud": ["tasks", "more"]}, "ok"),
    "no audience of ours": ({"iss": OTHER, "aud": ["else"]}, "token_invalid"),
    "an issuer as audience": ({"iss": OTHER, "aud": OTHER}, "token_invalid"),
    "an audience as issuer": ({"iss": "tasks", "aud": "tasks"}, "token_invalid"),
    "both issuers as one": ({"iss": f"{PUBLIC}, {OTHER}", "aud": "tasks"}, "token_invalid"),
    "no issuer": ({"iss": None, "aud": "tasks"}, "token_invalid"),
    "no audience": ({"iss": OTHER, "aud": None}, "token_invalid"),
}


@pytest.fixture(scope="module")
def listed(database_url: str) -> Iterator[tuple[Issuer, TokenClient]]:
    """An issuer, and a client of an API that accepts several issuers and audiences."""
    lists = {"auth_issuer": f"{PUBLIC}, {OTHER}", "auth_audience": "tasks, more"}
    with serving(Issuer()) as issuer:
        settings = {"better_auth_jwks_url": issuer.jwks_url, "better_auth_url": None}
        with api_trusting(issuer, database_url, **settings, **lists) as client:
            yield issuer, client


@pytest.mark.parametrize("case", LISTS)
def test_issuers_and_audiences_may_be_lists(case: str, listed: tuple[Issuer, TokenClient]) -> None:
    issuer, client = listed
    claims, code = LISTS[case]

    assert client.outcome(issuer.token(client.user_id, **claims)) == code


def test_the_user_id_claim_is_configurable(issuer: Issuer, database_url: str) -> None:
    mail = "ann@example.com"
    with api_trusting(issuer, database_url, auth_user_id_claim="id") as client:
        both = issuer.token(mail, id=client.user_id)

        assert client.outcome(both) == "ok"
        assert client.outcome(issuer.token(client.user_id)) == "token_invalid"
        assert client.outcome(issuer.token(client.user_id, id=mail)) == "user_mismatch"
        assert client.outcome(issuer.token(None, id=client.user_id)) == "token_invalid"


@pytest.mark.parametrize(
    ("claim", "seconds", "code"),
    [
        ("iat", 20, "ok"),
        ("iat", 60, "token_invalid"),
        ("nbf", 20, "ok"),
        ("nbf", 60, "token_invalid"),
        ("exp", -20, "ok"),
        ("exp", -60, "token_expired"),
    ],
)
def test_the_leeway_is_half_a_minute(
    claim: str, seconds: int, code: str, listed: tuple[Issuer, TokenClient]
) -> None:
    issuer, client = listed
    claims: dict[str, Any] = {"iss": PUBLIC, "aud": "tasks", claim: int(time.time()) + seconds}

    assert client.outcome(issuer.token(client.user_id, **claims)) == code


def test_iat_is_optional(listed: tuple[Issuer, TokenClient]) -> None:
    issuer, client = listed
    claims: dict[str, Any] = {"iss": PUBLIC, "aud": "tasks", "iat": None}

    assert client.outcome(issuer.token(client.user_id, **claims)) == "ok"
