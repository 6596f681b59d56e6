"""Which tokens prove a user: what is accepted, and what is refused by configuration."""

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
CLAIMS = {"sub": "alice", "exp": 2**33}
URL = {"better_auth_url": "https://App.Example.com:443/api/auth/"}


def timed(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims, with the times counted from now."""
    return {name: v + time.time() if name in TIMES else v for name, v in claims.items()}


def subject(settings: dict[str, Any], value: str, scheme: str = "Bearer") -> str:
    """The user id of such a header, or the code of the refusal."""
    checks = verifier(**settings)
    header = (b"authorization", f"{scheme} {value}".encode())
    try:
        return asyncio.run(checks.subject([(b"host", b"x"), header]))
    except Problem as problem:
        return problem.code


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer ", "Bearer  "])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert subject({}, token("alice"), scheme) == "alice"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": 60.5},
        {"exp": -20},
        {"nbf": 20},
        {"iat": 20},
        {"iss": "https://anybody.example.com", "aud": "anything"},
        {"aud": ["one", "two"]},
        {"role": "admin", "id": "bob", "userId": "bob"},
    ],
    ids=str,
)
def test_a_good_token_proves_its_subject(claims: dict[str, Any]) -> None:
    assert subject({}, token("alice", **timed(claims))) == "alice"


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", None])
def test_types_of_access_tokens(typ: str | None) -> None:
    assert subject({}, signed({"alg": "HS256", "typ": typ}, CLAIMS)) == "alice"


@pytest.mark.parametrize("typ", ["better-auth.session-cache+jwt", "id+jwt", "", 1, ["JWT"]])
def test_types_of_other_tokens(typ: Any) -> None:
    assert subject({}, signed({"alg": "HS256", "typ": typ}, CLAIMS)) == "token_invalid"


def test_an_issuer_is_text() -> None:
    assert subject({}, signed({"alg": "HS256"}, {**CLAIMS, "iss": 1})) == "token_invalid"


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A well-signed token that PyJWT itself would not always write."""
    text = f"{urlsafe(header)}.{urlsafe(claims)}"
    signature = hmac.digest(SECRET.encode(), text.encode(), "sha256")
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def urlsafe(part: dict[str, Any]) -> str:
    """A part of a token, as it is written."""
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
def test_settings_decide(settings: dict[str, Any], claims: dict[str, Any], expected: str) -> None:
    assert subject(settings, token("alice", **timed(claims))) == expected


def test_a_signature_is_written_in_one_way() -> None:
    good = token("alice")
    spare = ALPHABET[ALPHABET.index(good[-1]) ^ 1]  # the last bit of 258 for a signature of 256

    assert subject({}, good[:-1] + spare) == "token_invalid"


def test_an_expired_token_is_told_apart() -> None:
    assert subject({}, token("alice", exp=time.time() - 31)) == "token_expired"


def test_a_forged_expired_token_is_not() -> None:
    forged = token("alice", secret="another secret of thirty-two bytes!", exp=time.time() - 31)

    assert subject({}, forged) == "token_invalid"
