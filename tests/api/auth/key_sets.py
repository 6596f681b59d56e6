"""Unusable entries of a key set: each must be skipped, and the good entries kept."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from tests.support.auth.issuer import GENERATE_KEY
from tests.support.auth.jws import encode, public_jwk

Entry = dict[str, Any]

OKP = public_jwk("EdDSA", GENERATE_KEY["EdDSA"]())
EC = public_jwk("ES256", GENERATE_KEY["ES256"]())
RSA = public_jwk("RS256", GENERATE_KEY["RS256"]())
SECRET = {"kty": "oct", "k": encode(b"canary" * 8)}


def _without(entry: Entry, name: str) -> Entry:
    return {member: value for member, value in entry.items() if member != name}


TYPES: dict[str, Any] = {
    "null": None,
    "text": "key",
    "a number": 1,
    "a list": [OKP],
    "an empty object": {},
    "no kty": _without(OKP, "kty"),
    "an unknown kty": {**OKP, "kty": "AKP", "alg": "ML-DSA-44"},
    "a kty in lower case": {**OKP, "kty": "okp"},
    "a kty in a list": {**OKP, "kty": ["OKP"]},
    "an object as kty": {**OKP, "kty": {"OKP": 1}},
    "a number as kty": {**OKP, "kty": 1},
    "a secret": {**SECRET, "alg": "HS256"},
    "a secret without alg": SECRET,
}
CURVES: dict[str, Any] = {
    "no crv": _without(EC, "crv"),
    "an unknown crv": {**EC, "crv": "P-257"},
    "another crv": {**EC, "crv": "P-521"},
    "a crv in a list": {**OKP, "crv": ["Ed25519"]},
    "an object as crv": {**EC, "crv": {}},
    "a crv on an RSA key": {**RSA, "crv": "P-256"},
    "Ed448": public_jwk("EdDSA", ed448.Ed448PrivateKey.generate()),
    "X25519": {**OKP, "crv": "X25519"},
    "secp256k1": public_jwk("ES256K", ec.generate_private_key(ec.SECP256K1())),
}
USES: dict[str, Any] = {
    "for encryption": {**OKP, "use": "enc"},
    "for a list of uses": {**OKP, "use": ["sig"]},
    "an alg of another type": {**OKP, "alg": "ES256"},
    "an alg of another curve": {**EC, "alg": "ES512"},
    "an alg of encryption": {**RSA, "alg": "RSA-OAEP"},
    "HS256 as alg": {**RSA, "alg": "HS256"},
    "none as alg": {**OKP, "alg": "none"},
    "an alg in a list": {**OKP, "alg": ["EdDSA"]},
}
NUMBERS: dict[str, Any] = {
    "RSA 1024": public_jwk("RS256", rsa.generate_private_key(65537, 1024)),  # noqa: S505
    "no x": _without(OKP, "x"),
    "no y": _without(EC, "y"),
    "no n": _without(RSA, "n"),
    "no e": _without(RSA, "e"),
    "a number as x": {**OKP, "x": 1},
    "null as x": {**OKP, "x": None},
    "an empty x": {**OKP, "x": ""},
    "an x twice as long": {**OKP, "x": OKP["x"] * 2},
    "no base64 as x": {**OKP, "x": "\u00e9" * 43},
    "a point beside the curve": {**EC, "y": EC["x"]},
    "an even e": {**RSA, "e": encode(b"\x02")},
    "an empty n": {**RSA, "n": ""},
}
# Without a kid: a test assigns one.
UNUSABLE = TYPES | CURVES | USES | NUMBERS
# Good keys without a usable kid.
WITHOUT_KID: dict[str, Entry] = {
    "no kid": OKP,
    "null as kid": {**OKP, "kid": None},
    "a number as kid": {**OKP, "kid": 1},
    "a list as kid": {**OKP, "kid": ["a"]},
    "an object as kid": {**OKP, "kid": {}},
}


def with_kid(entry: Any, kid: str) -> Any:
    """The entry with this kid, if it is an object."""
    return {**entry, "kid": kid} if isinstance(entry, dict) else entry
