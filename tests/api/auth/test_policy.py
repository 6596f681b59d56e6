"""Token settings: those that end the start, and the JWKS URL that they give."""

import json
import sys
from typing import Any

import pytest

from api.auth.policy import Policy
from api.config.settings import load
from api.main import create_app
from tests.api.auth.policies import (
    ALGORITHMS,
    BOTH,
    DOCUMENTS,
    JWKS_URLS,
    KEYS,
    PLACEHOLDERS,
    PUBLIC_KEYS,
    REFUSED,
    URL,
    USELESS,
    WEAK,
)
from tests.api.conftest import Set
from tests.support.command import finished, free_port
from tests.support.http.server import SECRET


def refusal() -> str:
    """The sentence with which the start ends."""
    with pytest.raises(SystemExit) as caught:
        create_app(load())
    return str(caught.value.code)


@pytest.mark.parametrize("case", REFUSED)
def test_the_api_does_not_start_without_a_way_to_verify_tokens(case: str, given: Set) -> None:
    settings, sentence = REFUSED[case]
    given(**settings)

    assert refusal() == sentence


@pytest.mark.parametrize("case", ALGORITHMS)
def test_a_configured_algorithm_needs_a_key(case: str, given: Set) -> None:
    settings, algorithms, named = ALGORITHMS[case]
    given(**settings, AUTH_ALGORITHMS=algorithms)

    assert refusal() == f"AUTH_ALGORITHMS: there is no key for {named}."


@pytest.mark.parametrize("case", DOCUMENTS)
def test_better_auth_jwks_must_be_a_set_of_public_keys(case: str, given: Set) -> None:
    document, sentence = DOCUMENTS[case]
    given(**BOTH, BETTER_AUTH_JWKS=document)

    assert refusal() == sentence


@pytest.mark.parametrize("case", USELESS)
def test_better_auth_jwks_must_hold_a_usable_key(case: str, given: Set) -> None:
    given(**BOTH, BETTER_AUTH_JWKS=json.dumps(USELESS[case]))

    assert refusal().startswith("BETTER_AUTH_JWKS ")


@pytest.mark.parametrize("weak", PLACEHOLDERS)
def test_a_guessable_secret_is_refused_in_production(weak: str, given: Set) -> None:
    given(**URL, ENVIRONMENT="production", BETTER_AUTH_SECRET=weak)

    assert refusal() == WEAK


@pytest.mark.parametrize("form", PUBLIC_KEYS)
def test_a_public_key_is_refused_as_the_secret(form: str, given: Set) -> None:
    given(BETTER_AUTH_SECRET=PUBLIC_KEYS[form])

    assert refusal() == "BETTER_AUTH_SECRET is a public key, not a secret."


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (URL, {"EdDSA", "ES256", "ES512", "RS256", "PS256"}),
        (BOTH, {"EdDSA", "ES256", "ES512", "RS256", "PS256", "HS256"}),
        ({"BETTER_AUTH_SECRET": SECRET}, {"HS256"}),
        ({**BOTH, "AUTH_ALGORITHMS": "EdDSA"}, {"EdDSA"}),
        ({**BOTH, "AUTH_ALGORITHMS": "HS256, ES384"}, {"HS256", "ES384"}),
        ({**KEYS, "AUTH_ISSUER": "a", "AUTH_AUDIENCE": "b", "AUTH_ALGORITHMS": "RS512"}, {"RS512"}),
    ],
    ids=str,
)
def test_accepted_algorithms_follow_from_secret_and_keys(
    settings: dict[str, str], expected: set[str], given: Set
) -> None:
    given(**settings)

    assert Policy.from_settings(load()).algorithms == expected


@pytest.mark.parametrize("url", JWKS_URLS)
def test_the_jwks_url_is_derived_from_better_auth_url(url: str, given: Set) -> None:
    given(BETTER_AUTH_URL=url)

    assert load().jwks_url == JWKS_URLS[url]


@pytest.mark.parametrize("url", ["", "https://app.example.com/sub"])
def test_better_auth_jwks_url_is_used_unchanged(url: str, given: Set) -> None:
    given(BETTER_AUTH_URL=url, BETTER_AUTH_JWKS_URL="http://auth:3000/api/auth/jwks?a=1")

    assert load().jwks_url == "http://auth:3000/api/auth/jwks?a=1"


def test_without_urls_there_is_no_jwks_url(given: Set) -> None:
    assert load().jwks_url is None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/keys.json",
        "ftp://app.example.com/keys",
        "app.example.com/keys",
        "data:,{}",
        "//a",
    ],
)
def test_the_jwks_url_must_be_http_or_https(url: str, given: Set) -> None:
    given(**BOTH, BETTER_AUTH_JWKS_URL=url)

    assert refusal() == "BETTER_AUTH_JWKS_URL: must look like https://app.example.com"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({**BOTH, "AUTH_ALGORITHMS": "none"}, "AUTH_ALGORITHMS: there is no key for none."),
        ({**BOTH, "ENVIRONMENT": "production", "BETTER_AUTH_SECRET": "a" * 64}, WEAK),
    ],
    ids=["a policy", "a setting"],
)
def test_gunicorn_exits_with_the_sentence(settings: dict[str, Any], sentence: str) -> None:
    words = (sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py")
    with finished(*words, settings={**settings, "PORT": str(free_port())}) as command:
        assert command.process.returncode != 0
        assert command.error_lines() == [sentence]
