"""Algorithm confusion: a public key used as a secret, or a key of another type."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from itertools import permutations
from typing import Any

import orjson
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.api.auth.attacks import SIGNING, Attack, Make, Stage, attacks, each, shown
from tests.support.auth.jws import public_jwk, sign_with_key, sign_with_secret
from tests.support.http.server import SECRET

DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
Form = Callable[[Stage, str], bytes]


def _public(encoding: Encoding, form: PublicFormat) -> Form:
    return lambda stage, algorithm: bytes(
        stage.key(algorithm).public_key().public_bytes(encoding, form)
    )


def _jwk(stage: Stage, algorithm: str) -> dict[str, Any]:
    return public_jwk(algorithm, stage.key(algorithm))


def _entry(stage: Stage, algorithm: str) -> dict[str, Any]:
    [entry] = [e for e in stage.issuer.entries if e["kid"] == stage.kids[algorithm]]
    return dict(entry)


def _number(stage: Stage, algorithm: str) -> str:
    jwk = _jwk(stage, algorithm)
    return str(jwk.get("x") or jwk["n"])


PEM = _public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FORMS: dict[str, Form] = {
    "PEM": PEM,
    "PEM without its last newline": lambda stage, algorithm: PEM(stage, algorithm).rstrip(),
    "PEM with CRLF": lambda stage, algorithm: PEM(stage, algorithm).replace(b"\n", b"\r\n"),
    "DER": _public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "JWK": lambda stage, algorithm: orjson.dumps(_jwk(stage, algorithm)),
    "JWK as published": lambda stage, algorithm: orjson.dumps(_entry(stage, algorithm)),
    "key set": lambda stage, _: stage.issuer.document,
    "coordinate": lambda stage, algorithm: _number(stage, algorithm).encode(),
    "bytes": lambda stage, algorithm: urlsafe_b64decode(_number(stage, algorithm) + "=="),
    "kid": lambda stage, algorithm: stage.kids[algorithm].encode(),
}
ONLY: dict[str, tuple[str, Form]] = {
    "PKCS #1": ("RS256", _public(Encoding.PEM, PublicFormat.PKCS1)),
    "PKCS #1 DER": ("RS256", _public(Encoding.DER, PublicFormat.PKCS1)),
    "point": ("ES256", _public(Encoding.X962, PublicFormat.UncompressedPoint)),
    "compressed point": ("ES256", _public(Encoding.X962, PublicFormat.CompressedPoint)),
    "OpenSSH": ("EdDSA", _public(Encoding.OpenSSH, PublicFormat.OpenSSH)),
}


def _hmac(name: str, algorithm: str, form: Form, *, kid: bool) -> Make:
    def make(stage: Stage) -> str:
        header = {"alg": name, "typ": "JWT", **({"kid": stage.kids[algorithm]} if kid else {})}
        return stage.forged(header, sign_with_secret(form(stage, algorithm), DIGESTS[name]))

    return make


def _confused(names: tuple[str, ...]) -> dict[str, Make]:
    every = {f"{form} of {a}": (a, make) for form, make in FORMS.items() for a in SIGNING}
    return {
        f"{name} with {form}{', kid' if kid else ''}": _hmac(name, algorithm, make, kid=kid)
        for name in names
        for form, (algorithm, make) in {**every, **ONLY}.items()
        for kid in (True, False)
    }


def _relabelled(stage: Stage, case: tuple[str, str, str]) -> str:
    """Signed with one of the issuer's keys under the kid of another."""
    said, signing, named = case
    return stage.forged(
        {"alg": said, "kid": stage.kids[named]}, sign_with_key(said, stage.key(signing))
    )


def _lying(stage: Stage, case: tuple[str, str]) -> str:
    """Signed with one of the issuer's keys; ``alg`` names another algorithm."""
    signing, said = case
    return stage.forged(
        {"alg": said, "kid": stage.kids[signing]}, sign_with_key(signing, stage.key(signing))
    )


def _by_the_secret(stage: Stage, name: str) -> str:
    digest = sign_with_secret(SECRET.encode(), DIGESTS.get(name, "sha256"))
    return stage.forged(stage.head(name if name in SIGNING else "EdDSA", alg=name), digest)


PAIRS = [*permutations(SIGNING, 2)]
CROSSED = each(
    {f"{own} under the key of {named}": (own, own, named) for own, named in PAIRS}, _relabelled
)
LYING = each(
    {
        **{f"{own} that says {said}": (own, said) for own, said in PAIRS},
        **{f"{own} that says Ed25519": (own, "Ed25519") for own in SIGNING if own != "EdDSA"},
    },
    _lying,
)
RSA = {f"{said} by an RSA key": (said, "RS256", "RS256") for said in ("PS256",)}
RSA_BEYOND = {
    f"{said} by an RSA key": (said, "RS256", "RS256")
    for said in ("RS384", "RS512", "PS384", "PS512")
}
ATTACKS: dict[str, Attack] = {
    **attacks("bad_signature", _confused(("HS256",))),
    **attacks("algorithm_not_accepted", _confused(("HS384", "HS512"))),
    **attacks("algorithm_of_another_key", CROSSED | LYING | each(RSA, _relabelled)),
    **attacks("algorithm_not_accepted", each(RSA_BEYOND, _relabelled)),
    **attacks("algorithm_not_accepted", each(shown("secret", ("HS384", "HS512")), _by_the_secret)),
    **attacks("bad_signature", each(shown("secret", SIGNING), _by_the_secret)),
}
