"""Signatures that are missing, cut, zero, in another encoding, or by another key."""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from itertools import product

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.api.auth.attacks import SIGNING, Attack, Make, Stage, attacks, each
from tests.support.auth.issuer import GENERATE_KEY
from tests.support.auth.jws import Sign, encode, public_jwk, sign_with_key, sign_with_secret

ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES512": int(
        "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA"
        "51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
        16,
    ),
}
WIDTHS = {"ES256": 32, "ES512": 66}
HASHES = {"ES256": hashes.SHA256(), "ES512": hashes.SHA512()}
OTHERS = {algorithm: GENERATE_KEY[algorithm]() for algorithm in SIGNING}
ED448 = ed448.Ed448PrivateKey.generate()
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505
PUBLISHED_SECRET = b"what an issuer ought not to publish"
# Entries that the issuer publishes beside its good keys, and that prove nothing.
WEAK = (
    {**public_jwk("EdDSA", ED448), "kid": "ed448"},
    {**public_jwk("RS256", SHORT), "kid": "short"},
    {"kty": "oct", "k": encode(PUBLISHED_SECRET), "kid": "secret"},
)


def _good(stage: Stage, algorithm: str) -> list[str]:
    return stage.signed(stage.head(algorithm), stage.claims(), algorithm).split(".")


def _with(stage: Stage, algorithm: str, signature: bytes) -> str:
    """A good token, and this for its signature."""
    return ".".join([*_good(stage, algorithm)[:2], encode(signature)])


def _raw(stage: Stage, algorithm: str) -> bytes:
    """A right signature."""
    return urlsafe_b64decode(_good(stage, algorithm)[2] + "==")


def _of_another(stage: Stage, algorithm: str) -> str:
    """The signature of the attacker's own good token, under the victim's claims."""
    own = stage.issuer.claims("mallory")
    stolen = stage.signed(stage.head(algorithm), own, algorithm).rpartition(".")[2]
    return ".".join([*_good(stage, algorithm)[:2], stolen])


def _altered(stage: Stage, algorithm: str) -> str:
    header, _, signature = _good(stage, algorithm)
    return f"{header}.{encode(stage.claims(admin=True))}.{signature}"


def _psychic(algorithm: str, chosen: Sequence[str], *, der: bool) -> tuple[str, Sign]:
    """A signature whose numbers are chosen, not computed (CVE-2022-21449)."""
    order, width = ORDERS[algorithm], WIDTHS[algorithm]
    r, s = ({"0": 0, "1": 1, "n": order, "n+1": order + 1}[number] for number in chosen)
    plain = r.to_bytes(width, "big") + s.to_bytes(width, "big")
    return algorithm, lambda _: encode_dss_signature(r, s) if der else plain


def _der(algorithm: str) -> Make:
    """A right signature in the form of X.509, not of JOSE."""
    return lambda stage: stage.forged(
        stage.head(algorithm),
        lambda text: stage.key(algorithm).sign(text, ec.ECDSA(HASHES[algorithm])),
    )


def _of_each(kind: str, make: Callable[[Stage, str], str]) -> dict[str, Make]:
    """One token for each algorithm."""
    return each({f"{algorithm}: {kind}": algorithm for algorithm in SIGNING}, make)


CUT: dict[str, Make] = {
    **_of_each("its first byte", lambda stage, a: _with(stage, a, _raw(stage, a)[:1])),
    **_of_each("its first half", lambda stage, a: _with(stage, a, _raw(stage, a)[:32])),
    **_of_each("without its last byte", lambda stage, a: _with(stage, a, _raw(stage, a)[:-1])),
    **_of_each("without its first byte", lambda stage, a: _with(stage, a, _raw(stage, a)[1:])),
    **_of_each("twice", lambda stage, a: _with(stage, a, _raw(stage, a) * 2)),
    **_of_each("altered claims", _altered),
    **_of_each("that of another token", _of_another),
    **_of_each("another issuer's", lambda s, a: s.forged(s.head(a), sign_with_key(a, OTHERS[a]))),
    **each(
        {f"{a}: {n} zeros": (a, n) for a in SIGNING for n in (1, 32, 64, 132, 256)},
        lambda stage, case: _with(stage, case[0], bytes(case[1])),
    ),
}
PSYCHIC = each(
    {
        f"{a}: r and s {chosen}{' in DER' if der else ''}": _psychic(a, chosen, der=der)
        for a in WIDTHS
        for chosen in product(("0", "1", "n", "n+1"), repeat=2)
        for der in (False, True)
    },
    lambda stage, case: stage.forged(stage.head(case[0]), case[1]),
)
FORMS: dict[str, Make] = {f"{a}: right, in DER": _der(a) for a in WIDTHS} | {
    "EdDSA over Ed448": lambda stage: stage.forged(stage.head(), ED448.sign),
    "a published secret": lambda stage: stage.forged(
        {"alg": "HS256", "kid": "secret"}, sign_with_secret(PUBLISHED_SECRET)
    ),
}
UNUSABLE: dict[str, Make] = {
    "a published Ed448 key": lambda s: s.forged({"alg": "EdDSA", "kid": "ed448"}, ED448.sign),
    "a published short key": lambda s: s.forged(
        {"alg": "RS256", "kid": "short"}, sign_with_key("RS256", SHORT)
    ),
}
EMPTY: dict[str, Make] = {
    **_of_each("stripped", lambda stage, a: _with(stage, a, b"")),
    "no last dot": lambda stage: ".".join(_good(stage, "EdDSA")[:2]),
    "four parts": lambda stage: ".".join([*_good(stage, "EdDSA"), "AA"]),
    "padded": lambda stage: ".".join(_good(stage, "EdDSA")) + "==",
    "one odd character": lambda stage: ".".join(_good(stage, "EdDSA")) + "AAA",
}
ATTACKS: dict[str, Attack] = {
    **attacks("bad_signature", CUT | PSYCHIC | FORMS),
    **attacks("malformed", EMPTY),
    **attacks("unknown_key", UNUSABLE),
}
