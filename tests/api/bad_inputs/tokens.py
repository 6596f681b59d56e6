"""Requests with a missing, malformed or invalid token, or with another user's token."""

from tests.api.bad_inputs import ALL, AUTHORIZED, JSON, ME, ONE, cases
from tests.api.bad_inputs.claims import EXPIRED, OTHERS, SUBJECTS, TIMES
from tests.api.bad_inputs.jose import ALGORITHMS, HEADERS
from tests.api.bad_inputs.minting import (
    CLAIMS,
    GOOD,
    HEAD,
    HEADER,
    PAYLOAD,
    SIGNATURE,
    encode,
    sign,
    with_claims,
)
from tests.support.http.raw_http import request
from tests.support.http.server import SECRET

MISSING = {
    "no header": (),
    "an empty header": ("Authorization:",),
    "the scheme alone": ("Authorization: Bearer",),
    "the scheme and a space": ("Authorization: Bearer ",),
    "no scheme": (f"Authorization: {GOOD}",),
    "a password": ("Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==",),
    "another scheme": (f"Authorization: Token {GOOD}",),
    "a longer scheme": (f"Authorization: Bearers {GOOD}",),
    "a colon": (f"Authorization: Bearer: {GOOD}",),
    "a tab": (f"Authorization: Bearer\t{GOOD}",),
    "a proxy's header": (f"Proxy-Authorization: Bearer {GOOD}",),
    "an invented header": (f"X-Access-Token: {GOOD}",),
    "a cookie": (f"Cookie: better-auth.session_token={GOOD}; token={GOOD}",),
}
FORMS = {
    "two tokens": f"{GOOD} {GOOD}",
    "two tokens with a comma": f"{GOOD}, Bearer {GOOD}",
    "the scheme twice": f"Bearer {GOOD}",
    "quotes": f'"{GOOD}"',
    "a parameter": f"token={GOOD}",
    "an opaque session token": "Vk3pZ0q8sYb1mXr7tLc5uWn2aEd9fGh4",
    "a signed session token": "Vk3pZ0q8sYb1mXr7tLc5uWn2.kQ7yF2dVb0bqk1nJt3m4hX8sP9wZ6rC5aE%3D",
    "the word null": "null",
    "two dots": "..",
    "two parts": f"{HEAD}.{PAYLOAD}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "five parts": f"{encode({'alg': 'dir', 'enc': 'A256CBC-HS512'})}..{PAYLOAD}.{PAYLOAD}.{HEAD}",
    "no header": f".{PAYLOAD}.{SIGNATURE}",
    "no claims": f"{HEAD}..{SIGNATURE}",
    "padding": f"{GOOD}=",
    "padding inside": f"{HEAD}=.{PAYLOAD}.{SIGNATURE}",
    "the other base64": f"{HEAD}.+/{PAYLOAD}.{SIGNATURE}",
    "not base64": f"{HEAD}.!{PAYLOAD}.{SIGNATURE}",
    "a length that base64 has not": f"{HEAD}.{PAYLOAD}.{SIGNATURE}aa",
    "not ASCII": f"{HEAD}.\xe9{PAYLOAD}.{SIGNATURE}",
    "percent-encoded": GOOD.replace(".", "%2E"),
    "over 8 kB": with_claims(image="a" * 8192),
    "100 kB": with_claims(image="a" * 100_000),
}
SIGNATURES = {
    "another secret": sign(HEADER, CLAIMS, SECRET[::-1]),
    "the secret in another case": sign(HEADER, CLAIMS, SECRET.upper()),
    "an empty secret": sign(HEADER, CLAIMS, ""),
    "a secret from a tutorial": sign(HEADER, CLAIMS, "your-secret-key"),
    "none": f"{HEAD}.{PAYLOAD}.",
    "cut short": GOOD[:-4],
    "half of it": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:21]}",
    "one character": f"{HEAD}.{PAYLOAD}.A",
    "altered": f"{HEAD}.{PAYLOAD}.{SIGNATURE[::-1]}",
    "zeros": f"{HEAD}.{PAYLOAD}.{encode(bytes(32))}",
    "that of other claims": f"{HEAD}.{encode({**CLAIMS, 'sub': 'bob'})}.{SIGNATURE}",
    "that of another header": f"{encode({'alg': 'HS256'})}.{PAYLOAD}.{SIGNATURE}",
}
INVALID = {
    **{f"form: {name}": sent for name, sent in FORMS.items()},
    **{f"header: {name}": sent for name, sent in HEADERS.items()},
    **{f"alg: {name}": sent for name, sent in ALGORITHMS.items()},
    **{f"signature: {name}": sent for name, sent in SIGNATURES.items()},
    **TIMES,
    **SUBJECTS,
    **OTHERS,
}
# Without a valid token nothing else in the request is validated.
UNAUTHENTICATED = {
    "HEAD": request("HEAD", ALL),
    "a token in the query": request("GET", f"{ALL}?access_token={GOOD}"),
    "a bad query": request("GET", f"{ALL}?limit=0"),
    "a bad id": request("GET", f"{ALL}/0"),
    "another user": request("GET", "/api/bob/tasks"),
    "not JSON": request("POST", ALL, JSON, body=b"{"),
    "no media type": request("POST", ALL, body=b"{}"),
    "a bad idempotency key": request("POST", ALL, JSON, "Idempotency-Key: a b", body=b"{}"),
    "a token in a form": request(
        "POST",
        ALL,
        "Content-Type: application/x-www-form-urlencoded",
        body=f"access_token={GOOD}".encode(),
    ),
    "a task": request("DELETE", ONE),
    "HTTP/0.9": f"GET {ALL}\r\n\r\n".encode(),
    "an expectation": request("PUT", ONE, JSON, "Expect: 100-continue", "Content-Length: 2"),
}


def list_requests(tokens: dict[str, str]) -> dict[str, bytes]:
    """A list request for each token."""
    line = "Authorization: Bearer {}"
    return {name: request("GET", ALL, line.format(token)) for name, token in tokens.items()}


ABSENT = {name: request("GET", ALL, *lines) for name, lines in MISSING.items()}
OTHER_USERS = {
    "another user's": with_claims(sub="bob"),
    "in another case": with_claims(sub=ME.upper()),
}
TWICE = request("GET", f"{ALL}?access_token={GOOD}", AUTHORIZED)
CASES = [
    *cases("no token", ABSENT, 401, "token_missing"),
    *cases("no token, and", UNAUTHENTICATED, 401, "token_missing"),
    *cases("token", list_requests(INVALID), 401, "token_invalid"),
    *cases("token expired", list_requests(EXPIRED), 401, "token_expired"),
    *cases("token", list_requests(OTHER_USERS), 403, "user_mismatch"),
    *cases("token", {"and one in the query": TWICE}, 422, "validation"),
]
