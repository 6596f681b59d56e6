"""Invalid claims in well-formed tokens with a valid signature."""

import json

from tests.api.bad_inputs import DAY, ME, NOW
from tests.api.bad_inputs.minting import (
    BEYOND,
    CLAIMS,
    HEADER,
    TIME,
    sign,
    with_claims,
    without_claim,
)

TIMES = {
    "exp missing": without_claim("exp"),
    "exp: text": with_claims(exp="9999999999"),
    "exp: text with spaces": with_claims(exp=" 9999999999 "),
    "exp: a date": with_claims(exp="2099-01-01T00:00:00Z"),
    "exp: true": with_claims(exp=True),
    "exp: false": with_claims(exp=False),
    "exp: null": with_claims(exp=None),
    "exp: a list": with_claims(exp=[NOW + DAY]),
    "exp: an object": with_claims(exp={}),
    "exp: Infinity": with_claims(exp=float("inf")),
    "exp: NaN": with_claims(exp=float("nan")),
    "exp: 1e400": sign(HEADER, json.dumps(CLAIMS).replace(str(NOW + DAY), "1e400").encode()),
    "exp: 10^400": with_claims(exp=BEYOND),
    "exp: 6,000 digits": sign(
        HEADER, json.dumps(CLAIMS).replace(str(NOW + DAY), "9" * 6_000).encode()
    ),
    "nbf: tomorrow": with_claims(nbf=NOW + DAY),
    "nbf: text": with_claims(nbf="0"),
    "nbf: null": with_claims(nbf=None),
    "nbf: true": with_claims(nbf=True),
    "nbf: a list": with_claims(nbf=[]),
    "nbf: Infinity": with_claims(nbf=float("inf")),
    "nbf: -10^400": with_claims(nbf=-BEYOND),
    "iat: tomorrow": with_claims(iat=NOW + DAY),
    "iat: text": with_claims(iat="0"),
    "iat: a date": with_claims(iat="2027-01-01T00:00:00Z"),
    "iat: null": with_claims(iat=None),
    "iat: false": with_claims(iat=False),
    "iat: an object": with_claims(iat={}),
    "iat: NaN": with_claims(iat=float("nan")),
    "iat: minus Infinity": with_claims(iat=float("-inf")),
    "iat: -10^400": with_claims(iat=-BEYOND),
}
SUBJECTS = {
    "sub missing": without_claim("sub"),
    "sub: empty": with_claims(sub=""),
    "sub: a number": with_claims(sub=1),
    "sub: true": with_claims(sub=True),
    "sub: null": with_claims(sub=None),
    "sub: a list": with_claims(sub=[ME]),
    "sub: an object": with_claims(sub={"id": ME}),
    "sub: 256 characters": with_claims(sub="a" * 256),
    "sub: NUL": with_claims(sub=f"{ME}\0"),
    "sub: a newline": with_claims(sub=f"{ME}\n"),
    "sub: a lone surrogate": with_claims(sub=f"{ME}\ud800"),
    "sub: a replacement character": with_claims(sub=f"{ME}\ufffd"),
}
OTHERS = {
    "aud: a session cache": with_claims(aud="better-auth:session-cache"),
    "aud: a session cache, in a list": with_claims(aud=["a", "better-auth:session-cache"]),
    "aud: a number": with_claims(aud=1),
    "aud: true": with_claims(aud=True),
    "aud: an object": with_claims(aud={}),
    "aud: no one": with_claims(aud=[]),
    "aud: a number in a list": with_claims(aud=["a", 1]),
    "aud: a list in a list": with_claims(aud=[["a"]]),
    "iss: a number": with_claims(iss=1),
    "iss: a list": with_claims(iss=["a"]),
    "iss: an object": with_claims(iss={}),
    "claims: not JSON": sign(HEADER, b"canary"),
    "claims: not UTF-8": sign(HEADER, json.dumps(CLAIMS).replace("-of-", "\xff").encode("latin-1")),
    "claims: an array": sign(HEADER, [CLAIMS]),
    "claims: a string": sign(HEADER, ME),
    "claims: a number": sign(HEADER, 1),
    "claims: null": sign(HEADER, None),
    "claims: an empty object": sign(HEADER, {}),
    "claims: 2,900 arrays": sign(HEADER, b"[" * 2_900 + b"]" * 2_900),
    "claims: 2,000 arrays in one": sign(
        HEADER, json.dumps(CLAIMS).encode()[:-1] + b',"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}"
    ),
    "an e-mail link": sign(HEADER, {"email": "a@example.com", "userId": ME, **TIME}),
    "a link to another e-mail": sign(
        HEADER, {"email": ME, "updateTo": "b@example.com", "requestType": "change-email", **TIME}
    ),
    "a session cookie": sign(
        HEADER, {"session": {"userId": ME}, "user": {"id": ME}, "updatedAt": NOW, **TIME}
    ),
    "a user's row without sub": sign(HEADER, {"id": ME, "user_id": ME, "email": ME, **TIME}),
}
EXPIRED = {
    "yesterday": with_claims(exp=NOW - DAY),
    "a fraction of yesterday": with_claims(exp=NOW - DAY + 0.5),
    "a minute ago": with_claims(exp=NOW - 60),
    "a duration for a time": with_claims(exp=900),
    "zero": with_claims(exp=0),
    "before 1970": with_claims(exp=-DAY),
    "long ago": with_claims(exp=-(2**40)),
}
