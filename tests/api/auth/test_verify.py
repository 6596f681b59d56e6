"""The verifier: which tokens are accepted under which settings."""

import asyncio
import hmac
import json
import string
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from api.problems.problem import Problem
from tests.api.auth.verifier import verifier
from tests.support.http.client import token
from tests.support.http.server import SECRET

TIMES = {"exp", "nbf", "iat"}
ALPHABET = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
ORIGIN = "https://app.example.com"
OTHER = "https://other.example.com"
CLAIMS = {"sub": "alice", "exp": time.time() + 86_400}
URL = {"better_auth_url": "https://App.Example.com:443/api/auth/"}


def timed(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims, with the times counted from now."""
    return {name: v + time.time() if name in TIMES else v for name, v in claims.items()}


def outcome(settings: dict[str, Any], value: str, scheme: str = "Bearer") -> str:
    """The user id, or the code of the refusal."""
    checks = verifier(**settings)
    header = (b"authorization", f"{scheme} {value}".encode())
    try:
        return asyncio.run(checks.user_id([(b"host", b"x"), header]))
    except Problem as problem:
        return problem.code


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer ", "Bearer  "])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:
    assert outcome({}, token("alice"), scheme) == "alice"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": 60.5},
        {"exp": -20},
        {"exp": 3_659 * 86_400},
        {"nbf": 20},
        {"iat": 20},
        {"iss": "https://anybody.example.com", "aud": "anything"},
        {"aud": ["one", "two"]},
        {"role": "admin", "id": "bob", "userId": "bob"},
    ],
    ids=str,
)
def test_a_good_token_gives_its_user_id(claims: dict[str, Any]) -> None:
    assert outcome({}, token("alice", **timed(claims))) == "alice"


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", None])
def test_typ_of_an_access_token_is_accepted(typ: str | None) -> None:
    assert outcome({}, signed({"alg": "HS256", "typ": typ}, CLAIMS)) == "alice"


@pytest.mark.parametrize("typ", ["better-auth.session-cache+jwt", "id+jwt", "", 1, ["JWT"]])
def test_typ_of_another_token_is_refused(typ: Any) -> None:
    assert outcome({}, signed({"alg": "HS256", "typ": typ}, CLAIMS)) == "token_invalid"


def test_iss_must_be_a_string() -> None:
    assert outcome({}, signed({"alg": "HS256"}, {**CLAIMS, "iss": 1})) == "token_invalid"


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with a good signature whose header PyJWT may refuse to write."""
    text = f"{urlsafe(header)}.{urlsafe(claims)}"
    signature = hmac.digest(SECRET.encode(), text.encode(), "sha256")
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def urlsafe(part: dict[str, Any]) -> str:
    """A segment of a token: base64url of JSON."""
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("settings", "claims", "expected"),
    [
        (URL, {}, "alice"),
        (URL, {"iss": ORIGIN}, "alice"),
        (URL, {"iss": ORIGIN, "aud": ORIGIN}, "alice"),
        (URL, {"iss": f"{ORIGIN}/"}, "token_invalid"),
        (URL, {"iss": OTHER}, "token_invalid"),
        (URL, {"aud": OTHER}, "token_invalid"),
        (URL, {"aud": [OTHER, ORIGIN]}, "alice"),
        (URL, {"aud": [ORIGIN, 1]}, "token_invalid"),
        (URL, {"aud": [ORIGIN, "better-auth:session-cache"]}, "token_invalid"),
        ({}, {"aud": "better-auth:session-cache"}, "token_invalid"),
        ({}, {"aud": []}, "token_invalid"),
        ({"auth_issuer": ORIGIN}, {}, "token_invalid"),
        ({"auth_issuer": f"{OTHER}, {ORIGIN}"}, {"iss": ORIGIN}, "alice"),
        ({"auth_audience": "tasks"}, {}, "token_invalid"),
        ({"auth_audience": "tasks"}, {"aud": ["tasks"]}, "alice"),
        ({**URL, "auth_audience": "tasks"}, {"aud": ORIGIN}, "token_invalid"),
        ({"auth_leeway_seconds": 0}, {"exp": -20}, "token_expired"),
        ({**URL, "better_auth_secret": None}, {}, "token_invalid"),
        ({**URL, "auth_algorithms": "EdDSA"}, {}, "token_invalid"),
        ({"auth_user_id_claim": "id"}, {"id": "bob"}, "bob"),
        ({"auth_user_id_claim": "id"}, {"userId": "bob"}, "token_invalid"),
        ({"better_auth_secret": "another secret of thirty-two bytes!"}, {}, "token_invalid"),
    ],
    ids=str,
)
def test_settings_choose_which_tokens_are_accepted(
    settings: dict[str, Any], claims: dict[str, Any], expected: str
) -> None:
    assert outcome(settings, token("alice", **timed(claims))) == expected


def test_a_non_canonical_base64url_signature_is_refused() -> None:
    good = token("alice")
    non_canonical = ALPHABET[
        ALPHABET.index(good[-1]) ^ 1
    ]  # flips an unused bit: 43 characters hold 258 bits, the signature has 256

    assert outcome({}, good[:-1] + non_canonical) == "token_invalid"


def test_an_expired_token_is_token_expired() -> None:
    assert outcome({}, token("alice", exp=time.time() - 31)) == "token_expired"


def test_a_forged_expired_token_is_token_invalid() -> None:
    forged = token("alice", secret="another secret of thirty-two bytes!", exp=time.time() - 31)

    assert outcome({}, forged) == "token_invalid"
