"""Headers with a bad ``alg``, an embedded key, a bad ``kid``, ``crit`` or ``typ``."""

import json
from typing import Any

from tests.api.auth.attacks import BY_SECRET, Attack, Make, Stage, attacks, each, shown
from tests.support.auth.issuer import GENERATE_KEY
from tests.support.auth.jws import encode, public_jwk, sign_with_key

OWN = GENERATE_KEY["EdDSA"]()
OWN_JWK = public_jwk("EdDSA", OWN)
BY_OWN = sign_with_key("EdDSA", OWN)
NONE = ("none", "None", "NONE", "nOnE", "none ", " none", "none\0", "n\u043ene", "null", "", "-")
SPELLINGS: tuple[Any, ...] = (
    *("eddsa", "EDDSA", "EdDSA ", "EdDSA\0", "Ed448", "ed25519", "ES256K", "ES384", "RS1", "dir"),
    *("hs256", "HS256 ", "HS-256", "HMAC", "SHA256", "RSA1_5", "A128KW", "PBES2-HS256+A128KW"),
    *(None, 256, True, ["EdDSA"], {"EdDSA": 1}, []),
)
CRITICAL: tuple[Any, ...] = (None, ["exp"], ["b64"], ["kid"], ["alg"], [], "exp", {}, True, 0, "")
TYPES: tuple[Any, ...] = (
    *("better-auth.session-cache+jwt", "id_token+jwt", "dpop+jwt", "secevent+jwt", "logout+jwt"),
    *("JWE", "JOSE", "", "jwt ", "JWT\0", "application/jwt+x", 1, True, ["JWT"], {"JWT": 1}),
)
KIDS = (
    *("", "\0", "../../../../dev/null", "/proc/self/environ", "file:///dev/null", "|id", "$(id)"),
    *("' UNION SELECT 'canary' --", "{{7*7}}", "%00", "\ufffd", "a" * 5_000),
)


def _bare(stage: Stage, header: object, signature: str) -> str:
    return f"{encode(header)}.{encode(stage.claims())}.{signature}"


def _stolen(stage: Stage) -> str:
    """The signature of a good token."""
    return stage.signed(stage.head(), stage.claims()).rpartition(".")[2]


def _unencoded(stage: Stage) -> str:
    """Claims that are signed as they are (RFC 7797)."""
    header = encode(stage.head(b64=False, crit=["b64"]))
    claims = json.dumps(stage.claims())
    signature = sign_with_key("EdDSA", stage.key())(f"{header}.{claims}".encode())
    return f"{header}.{encode(claims.encode())}.{encode(signature)}"


def _embedded(stage: Stage, **head: object) -> str:
    return stage.forged({"alg": "EdDSA", **head}, BY_OWN)


WITHOUT_SIGNATURE: dict[str, Make] = {
    **each(shown("unsigned", NONE), lambda stage, name: _bare(stage, {"alg": name}, "")),
    "none unsigned, kid": lambda stage: _bare(stage, stage.head(alg="none"), ""),
}
UNACCEPTED: dict[str, Make] = {
    **each(shown("signed", NONE), lambda stage, n: _bare(stage, stage.head(alg=n), "AA")),
    **each(shown("stolen", NONE), lambda stage, n: _bare(stage, stage.head(alg=n), _stolen(stage))),
    **each(shown("alg", SPELLINGS), lambda s, name: s.signed(s.head(alg=name), s.claims())),
}
OWN_KEYS: dict[str, Make] = {
    "jwk, no kid": lambda stage: _embedded(stage, jwk=OWN_JWK),
    "jwk with a secret": lambda stage: stage.forged(
        {"alg": "EdDSA", "jwk": {"kty": "oct"}}, BY_OWN
    ),
    "jku, no kid": lambda stage: _embedded(stage, jku=stage.trap),
    "x5u, no kid": lambda stage: _embedded(stage, x5u=stage.trap),
    "x5c, no kid": lambda stage: _embedded(stage, x5c=[encode(b"canary")]),
    "kid: null": lambda stage: _embedded(stage, kid=None, jwk=OWN_JWK),
    "kid: a number": lambda stage: _embedded(stage, kid=1),
    "kid: a fraction": lambda stage: _embedded(stage, kid=0.5),
    "kid: true": lambda stage: _embedded(stage, kid=True),
    "kid: a list": lambda stage: _embedded(stage, kid=[stage.kids["EdDSA"]]),
    "kid: an object": lambda stage: _embedded(stage, kid={stage.kids["EdDSA"]: 1}),
    "no kid, rightly signed": lambda stage: stage.signed({"alg": "EdDSA"}, stage.claims()),
}
UNKNOWN: dict[str, Make] = {
    "jwk, own kid": lambda stage: _embedded(stage, kid="own", jwk={**OWN_JWK, "kid": "own"}),
    "jku, own kid": lambda stage: _embedded(stage, kid="own", jku=stage.trap),
    "x5u, own kid": lambda stage: _embedded(stage, kid="own", x5u=stage.trap),
    "x5t, own kid": lambda stage: _embedded(stage, kid="own", x5t=encode(b"canary")),
    "kid: the trap": lambda stage: _embedded(stage, kid=stage.trap),
    **each(shown("kid", KIDS), lambda stage, kid: _embedded(stage, kid=kid)),
    "kid: in upper case": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"].upper()),
    "kid: and NUL": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"] + "\0"),
    "kid: and a space": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"] + " "),
}
KNOWN: dict[str, Make] = {
    "jwk, known kid": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"], jwk=OWN_JWK),
    "jku, known kid": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"], jku=stage.trap),
    "x5u, known kid": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"], x5u=stage.trap),
    "x5c, known kid": lambda stage: _embedded(stage, kid=stage.kids["EdDSA"], x5c=["canary"]),
    "another key's kid": lambda stage: stage.signed(
        {"alg": "EdDSA", "kid": next(iter(stage.issuer.keys))}, stage.claims()
    ),
}
RULES: dict[str, Make] = {
    **each(shown("crit", CRITICAL), lambda s, c: s.signed(s.head(crit=c, b64=True), s.claims())),
    "crit, by the secret": lambda stage: stage.forged({"alg": "HS256", "crit": ["exp"]}, BY_SECRET),
    "b64 false": lambda stage: stage.signed(stage.head(b64=False), stage.claims()),
    "b64 false and crit": _unencoded,
    **each(shown("typ", TYPES), lambda s, typ: s.signed(s.head(typ=typ), s.claims())),
    "alg: Infinity": lambda stage: stage.signed(stage.head(alg=float("inf")), stage.claims()),
    "kid: a lone surrogate": lambda stage: _embedded(stage, kid="\ud800"),
    "kid: 10 kB": lambda stage: _embedded(stage, kid="a" * 10_000),
    "alg in upper case": lambda stage: stage.forged({"ALG": "HS256"}, BY_SECRET),
}
ATTACKS: dict[str, Attack] = {
    **attacks("malformed", WITHOUT_SIGNATURE | RULES),
    **attacks("algorithm_not_accepted", UNACCEPTED),
    **attacks("no_key_id", OWN_KEYS),
    **attacks("unknown_key", UNKNOWN),
    **attacks("bad_signature", KNOWN),
}
