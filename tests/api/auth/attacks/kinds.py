"""Other tokens that Better Auth issues: none is an access token."""

import secrets
from typing import Any

from tests.api.auth.attacks import BY_SECRET, Attack, Make, Stage, attacks
from tests.support.auth.jws import compact, encode

SESSION_CACHE = "better-auth:session-cache"
TYP = "better-auth.session-cache+jwt"


def _of_the_secret(**claims: Any) -> Make:
    """Signed with the secret: the times, and these claims in which VICTIM is the user's id."""

    def make(stage: Stage) -> str:
        usual = stage.claims(iss=None, aud=None, sub=None)
        return compact({"alg": "HS256"}, {**usual, **_filled(claims, stage.victim)}, BY_SECRET)

    return make


def _filled(value: Any, victim: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(part, victim) for name, part in value.items()}
    return value.replace("VICTIM", victim) if isinstance(value, str) else value


def _cookie(stage: Stage) -> dict[str, Any]:
    """What the session cookie holds beside the registered claims."""
    return {
        "session": {"userId": stage.victim, "token": secrets.token_urlsafe(24)},
        "user": {"id": stage.victim, "email": "alice@example.com"},
        "updatedAt": 1,
        "version": "1",
    }


def _cached(stage: Stage, header: dict[str, Any], **claims: Any) -> str:
    """A session cookie under the key of the access tokens."""
    return stage.signed(stage.head(**header), stage.claims(**_cookie(stage), **claims))


def _encrypted(stage: Stage) -> str:
    header = {"alg": "dir", "enc": "A256CBC-HS512", "kid": stage.kids["EdDSA"]}
    parts = [encode(secrets.token_bytes(size)) for size in (16, 256, 32)]
    return ".".join([encode(header), "", *parts])


NAMELESS: dict[str, Make] = {
    "an e-mail verification": _of_the_secret(email="VICTIM", userId="VICTIM"),
    "a verification without userId": _of_the_secret(email="VICTIM@example.com"),
    "a change of e-mail": _of_the_secret(
        email="VICTIM", updateTo="eve@example.com", requestType="change-email-verification"
    ),
    "a session cookie": _of_the_secret(
        session={"userId": "VICTIM"}, user={"id": "VICTIM"}, updatedAt=1, version="1"
    ),
    "a user's row": _of_the_secret(id="VICTIM", email="VICTIM", name="VICTIM"),
}
TYPED: dict[str, Make] = {
    "a session cache": lambda stage: _cached(stage, {"typ": TYP}, aud=SESSION_CACHE),
    "a session cache to us": lambda stage: _cached(stage, {"typ": TYP}),
    "a session cache, typ in capitals": lambda stage: _cached(stage, {"typ": TYP.upper()}),
    "a session cache by the secret": lambda stage: compact(
        {"alg": "HS256", "typ": TYP}, stage.claims(), BY_SECRET
    ),
}
UNTYPED: dict[str, Make] = {
    "an untyped session cache": lambda stage: _cached(stage, {}, aud=SESSION_CACHE),
    "one of type JWT": lambda stage: _cached(stage, {"typ": "JWT"}, aud=SESSION_CACHE),
    "one also to us": lambda stage: _cached(stage, {}, aud=[stage.issuer.url, SESSION_CACHE]),
    "one by the secret": lambda stage: compact(
        {"alg": "HS256"}, stage.claims(aud=SESSION_CACHE), BY_SECRET
    ),
}
OPAQUE: dict[str, Make] = {
    "an encrypted cookie": _encrypted,
    "a session token": lambda _: secrets.token_urlsafe(24).replace("_", "-"),
    "a signed session token": lambda _: f"{secrets.token_hex(16)}.{encode(bytes(32))}",
    "a signed cookie": lambda _: f"{secrets.token_hex(16)}.{encode(bytes(32))}%3D",
    "a compact cookie": lambda stage: encode(_cookie(stage)),
    "an API key": lambda _: f"tasks_{secrets.token_hex(16)}",
    "the secret's own name": lambda _: "BETTER_AUTH_SECRET",
}
ATTACKS: dict[str, Attack] = {
    **attacks("bad_subject", NAMELESS),
    **attacks("malformed", TYPED | OPAQUE),
    **attacks("wrong_audience", UNTYPED),
}
