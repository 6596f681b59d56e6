"""Bad claims in tokens that are well formed and rightly signed."""

import json

from tests.api.bad_inputs import DAY, ME, NOW
from tests.api.bad_inputs.minting import BEYOND, CLAIMS, HEADER, TIME, claiming, sign, without

TIMES = {
    "exp missing": without("exp"),
    "exp: text": claiming(exp="9999999999"),
    "exp: text with spaces": claiming(exp=" 9999999999 "),
    "exp: a date": claiming(exp="2099-01-01T00:00:00Z"),
    "exp: true": claiming(exp=True),
    "exp: false": claiming(exp=False),
    "exp: null": claiming(exp=None),
    "exp: a list": claiming(exp=[NOW + DAY]),
    "exp: an object": claiming(exp={}),
    "exp: Infinity": claiming(exp=float("inf")),
    "exp: NaN": claiming(exp=float("nan")),
    "exp: 1e400": sign(HEADER, json.dumps(CLAIMS).replace(str(NOW + DAY), "1e400").encode()),
    "exp: 10^400": claiming(exp=BEYOND),
    "exp: 6,000 digits": sign(
        HEADER, json.dumps(CLAIMS).replace(str(NOW + DAY), "9" * 6_000).encode()
    ),
    "nbf: tomorrow": claiming(nbf=NOW + DAY),
    "nbf: text": claiming(nbf="0"),
    "nbf: null": claiming(nbf=None),
    "nbf: true": claiming(nbf=True),
    "nbf: a list": claiming(nbf=[]),
    "nbf: Infinity": claiming(nbf=float("inf")),
    "nbf: -10^400": claiming(nbf=-BEYOND),
    "iat: tomorrow": claiming(iat=NOW + DAY),
    "iat: text": claiming(iat="0"),
    "iat: a date": claiming(iat="2027-01-01T00:00:00Z"),
    "iat: null": claiming(iat=None),
    "iat: false": claiming(iat=False),
    "iat: an object": claiming(iat={}),
    "iat: NaN": claiming(iat=float("nan")),
    "iat: minus Infinity": claiming(iat=float("-inf")),
    "iat: -10^400": claiming(iat=-BEYOND),
}
SUBJECTS = {
    "sub missing": without("sub"),
    "sub: empty": claiming(sub=""),
    "sub: a number": claiming(sub=1),
    "sub: true": claiming(sub=True),
    "sub: null": claiming(sub=None),
    "sub: a list": claiming(sub=[ME]),
    "sub: an object": claiming(sub={"id": ME}),
    "sub: 256 characters": claiming(sub="a" * 256),
    "sub: NUL": claiming(sub=f"{ME}\0"),
    "sub: a newline": claiming(sub=f"{ME}\n"),
    "sub: a lone surrogate": claiming(sub=f"{ME}\ud800"),
    "sub: a replacement character": claiming(sub=f"{ME}\ufffd"),
}
OTHERS = {
    "aud: a session cache": claiming(aud="better-auth:session-cache"),
    "aud: a session cache, in a list": claiming(aud=["a", "better-auth:session-cache"]),
    "aud: a number": claiming(aud=1),
    "aud: true": claiming(aud=True),
    "aud: an object": claiming(aud={}),
    "aud: no one": claiming(aud=[]),
    "aud: a number in a list": claiming(aud=["a", 1]),
    "aud: a list in a list": claiming(aud=[["a"]]),
    "iss: a number": claiming(iss=1),
    "iss: a list": claiming(iss=["a"]),
    "iss: an object": claiming(iss={}),
    "claims: no JSON": sign(HEADER, b"canary"),
    "claims: no UTF-8": sign(HEADER, json.dumps(CLAIMS).replace("-of-", "\xff").encode("latin-1")),
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
    "yesterday": claiming(exp=NOW - DAY),
    "a fraction of yesterday": claiming(exp=NOW - DAY + 0.5),
    "a minute ago": claiming(exp=NOW - 60),
    "a duration for a time": claiming(exp=900),
    "zero": claiming(exp=0),
    "before 1970": claiming(exp=-DAY),
    "long ago": claiming(exp=-(2**40)),
}
