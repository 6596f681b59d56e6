"""Segments that are not a JSON object, nested too deeply, too large, or with duplicate members."""

import json

from tests.api.auth.attacks import BY_SECRET, Attack, Make, Stage, attacks, each
from tests.support.auth.jws import Sign, compact, encode, sign_with_secret

BAD_SECRET = sign_with_secret(b"not the secret, but long enough too")
# From the least that is too deep to what no parser takes.
DEPTHS = (32, 500, 990, 1_024, 2_900)
HUGE = "9" * 5_000
TOKEN_BYTES = 8_192
VALUES: dict[str, object] = {
    "null": None,
    "true": True,
    "a number": 1,
    "a string": "HS256",
    "a list": ["HS256"],
    "an empty list": [],
    "an empty object": {},
    "no JSON": b"canary",
    "nothing but a space": b" ",
    "half of it": b'{"alg":"HS256"',
    "two objects": b"{}{}",
    "a trailing comma": b'{"alg":"HS256",}',
    "single quotes": b"{'alg':'HS256'}",
    "no UTF-8": b'{"alg":"HS256","a":"\xff"}',
    "NUL": b'{"alg":"HS256"}\0',
}


def _nested(depth: int, opening: str, closing: str) -> bytes:
    value = opening * depth + "1" + closing * depth
    return f'{{"alg":"HS256","a":{value}}}'.encode()


# Whatever such a header says, the signature under it is not ours.
HEADERS = each(
    {f"header: {name}": part for name, part in VALUES.items()},
    lambda stage, part: stage.forged(part, BAD_SECRET),
)
BOMBS = each(
    {
        f"header: {depth:,} {name}": _nested(depth, opening, closing)
        for depth in DEPTHS
        for name, opening, closing in (("lists", "[", "]"), ("objects", '{"":', "}"))
        if depth * len(opening) < TOKEN_BYTES // 2
    },
    lambda stage, part: stage.forged(part, BAD_SECRET),
)


def _twice(first: str, last: str, sign: Sign) -> Make:
    header = f'{{"alg":"{first}","alg":"{last}"}}'.encode()
    return lambda stage: stage.forged(header, sign)


def _claims(stage: Stage, more: str) -> bytes:
    """The victim's claims as text, and ``more`` after them."""
    return f"{json.dumps(stage.claims())[:-1]},{more}}}".encode()


def _trusted(more: str) -> Make:
    return lambda stage: compact({"alg": "HS256"}, _claims(stage, more), BY_SECRET)


def _signed_by_the_issuer(part: object) -> Make:
    return lambda stage: stage.signed(stage.head(), part)


CLAIMS: dict[str, Make] = {
    **{f"claims: {name}": _signed_by_the_issuer(part) for name, part in VALUES.items()},
    **{f"claims: {depth:,} lists": _trusted(f'"a":{"[" * depth}{"]" * depth}') for depth in DEPTHS},
    "claims: Infinity": _trusted('"a":Infinity'),
    "claims: NaN": _trusted('"a":NaN'),
    "exp: 5,000 digits": _trusted(f'"exp":{HUGE}'),
    "nbf: 5,000 digits": _trusted(f'"nbf":-{HUGE}'),
    "iat: 1e999": _trusted('"iat":1e999'),
    "exp: 2**53": _trusted(f'"exp":{2**53}'),
    "exp: 2**64": _trusted(f'"exp":{2**64}'),
    "exp: 1e308": _trusted('"exp":1e308'),
    "iat: -1e308": _trusted('"iat":-1e308'),
    "a lone surrogate": _trusted('"a":"\\ud800"'),
}


def _large(stage: Stage) -> str:
    """What a picture in a user's row does to a token."""
    return stage.signed(stage.head(), stage.claims(image=encode(bytes(20_000))))


# The last of two members counts, for every reader of the token alike (RFC 7515 section 4).
ATTACKS: dict[str, Attack] = {
    **attacks("malformed", HEADERS | BOMBS | CLAIMS | {"a picture": _large}),
    **attacks("bad_signature", {"alg: none, then HS256": _twice("none", "HS256", BAD_SECRET)}),
    **attacks(
        "algorithm_not_accepted", {"alg: HS256, then none": _twice("HS256", "none", BY_SECRET)}
    ),
    **attacks("expired", {"exp: good, then past": _trusted('"exp":1')}, "token_expired"),
    **attacks("bad_subject", {"sub: good, then null": _trusted('"sub":null')}),
    **attacks(
        "wrong_issuer", {"iss: good, then bad": _trusted('"iss":"https://evil.example.com"')}
    ),
    **attacks("wrong_audience", {"aud: good, then bad": _trusted('"aud":"evil"')}),
}
