"""Invalid request headers, and bytes that are not HTTP."""

from tests.api.bad_inputs import ALL, AUTHORIZED, JSON, MERGE_PATCH, ONE, cases, get, write
from tests.api.bad_inputs.syntax import MALFORMED
from tests.support.http.raw_http import request

TASK = b'{"title":"a"}'
# An invalid task: nothing is created even if the header is accepted.
INVALID_TASK = b'{"title":""}'
MEDIA = {
    "none": (),
    "empty": ("Content-Type:",),
    "text": ("Content-Type: text/plain",),
    "text that is JSON": ("Content-Type: text/json",),
    "a form": ("Content-Type: application/x-www-form-urlencoded",),
    "a form of parts": ("Content-Type: multipart/form-data; boundary=canary",),
    "anything": ("Content-Type: */*",),
    "half of it": ("Content-Type: json",),
    "a longer name": ("Content-Type: application/jsonp",),
    "a JSON patch": ("Content-Type: application/json-patch+json",),
    "a problem": ("Content-Type: application/problem+json",),
    "a merge patch": (MERGE_PATCH,),
    "two in one": (f"{JSON}, text/plain",),
    "JSON, then text": (JSON, "Content-Type: text/plain"),
    "text, then JSON": ("Content-Type: text/plain", JSON),
    "JSON twice": (JSON, JSON),
    "Latin-1": (f"{JSON}; charset=latin-1",),
    "UTF-16": (f"{JSON}; charset=utf-16",),
    "256 characters": (f"{JSON}; x={'a' * 236}",),
    "an open string of 8,000 characters": (f'{JSON}; x="' + r"\"" * 4000,),
    "UTF-7": (f'{JSON}; charset="utf-7"',),
    "two charsets": (f"{JSON}; charset=utf-8; charset=utf-16",),
    "US-ASCII": (f"{JSON}; charset=us-ascii",),
    "UTF-16 after another parameter": (f'{JSON}; a="b;c"; CHARSET = "UTF-16"',),
    "a list after a parameter": (f"{JSON}; a=b, text/plain",),
    "two headers, the first with a parameter": (f"{JSON}; a=b", "Content-Type: text/plain"),
    "gzip": (JSON, "Content-Encoding: gzip"),
    "brotli": (JSON, "Content-Encoding: br"),
    "an unknown coding": (JSON, "Content-Encoding: canary"),
    "two codings": (JSON, "Content-Encoding: identity, gzip"),
    "two headers of codings": (JSON, "Content-Encoding: identity", "Content-Encoding: gzip"),
}
VALUES = {
    "empty": ("",),
    "256 characters": ("a" * 256,),
    "60,000 characters": ("a" * 60_000,),
    "a space": ("a b",),
    "a tab": ("a\tb",),
    "Latin-1": ("caf\xe9",),
    "UTF-8": ("caf\xc3\xa9",),
    "twice": ("a", "b"),
    "the same twice": ("a", "a"),
    "once empty": ("a", ""),
}
KEYS = {
    name: tuple(f"Idempotency-Key: {value}" for value in values) for name, values in VALUES.items()
}
OTHER = AUTHORIZED.replace("Bearer ", "Bearer x")
TWO_CREDENTIALS = {
    "the same twice": (AUTHORIZED, AUTHORIZED),
    "a good one first": (AUTHORIZED, OTHER),
    "a good one last": (OTHER, AUTHORIZED),
    "a password too": ("Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==", AUTHORIZED),
    "an empty one too": (AUTHORIZED, "Authorization:"),
    "another case": (AUTHORIZED, AUTHORIZED.replace("Auth", "aUTH")),
    "three": (AUTHORIZED, AUTHORIZED, AUTHORIZED),
}
# Headers that the API ignores: the response is the same as without them.
IGNORED = {
    "a WebSocket": ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "HTTP/2": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    "an expectation": ("Expect: 100-continue",),
    "an unknown expectation": ("Expect: canary",),
    "another method": ("X-HTTP-Method-Override: DELETE",),
    "another user": ("X-User-Id: bob", "X-Forwarded-User: bob", "Remote-User: bob"),
    "another path": ("X-Original-URL: /livez", "X-Rewrite-URL: /livez", "X-Forwarded-Prefix: /a"),
    "another request id": ("X-Request-ID: canary canary",),
    "a long request id": ("X-Request-ID: " + "canary" * 100,),
    "a broken trace": ("traceparent: canary", "tracestate: \xff"),
    "a strange origin": ("Origin: https://canary.example",),
    "a wish for HTML": ("Accept: text/html", "Accept-Charset: utf-16", "Accept-Encoding: gzip"),
    "a range": ("Range: bytes=0-0", "If-Range: canary"),
    "a header of 200,000 characters": ("X-Canary: " + "a" * 200_000,),
    "2,000 headers": tuple(f"X-Canary-{number}: a" for number in range(2_000)),
    "a cookie": ("Cookie: better-auth.session_token=canary; a=\xff",),
}
PREFLIGHTS = {
    "another origin": ("Origin: https://canary.example", "Access-Control-Request-Method: GET"),
    "no origin's name": ("Origin: null", "Access-Control-Request-Method: GET"),
    "a longer origin": (
        "Origin: https://app.example.com.canary.example",
        "Access-Control-Request-Method: GET",
    ),
    "another method": ("Origin: https://app.example.com", "Access-Control-Request-Method: CANARY"),
    "another header": (
        "Origin: https://app.example.com",
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: X-Canary",
    ),
}
KEY = "Idempotency-Key: canary"
UNSUPPORTED_KEYS = {
    "list": get(ALL, KEY),
    "trash": get(f"{ALL}/trash", KEY),
    "restore": request("POST", f"{ONE}/restore", AUTHORIZED, KEY),
    "erase": request("DELETE", f"{ALL}/trash/1", AUTHORIZED, KEY),
    "HEAD": request("HEAD", ALL, AUTHORIZED, KEY),
    "read": get(ONE, KEY),
    "an invalid query": get(f"{ALL}?limit=0", KEY),
    "put": request("PUT", ONE, AUTHORIZED, JSON, KEY, body=TASK),
    "patch": request("PATCH", ONE, AUTHORIZED, JSON, KEY, body=TASK),
    "delete": request("DELETE", ONE, AUTHORIZED, KEY),
    "toggle": request("PATCH", f"{ONE}/complete", AUTHORIZED, KEY),
    "complete": request("PATCH", f"{ONE}/complete", AUTHORIZED, JSON, KEY, body=b"{}"),
    "an empty key": get(ALL, "Idempotency-Key:"),
}
TAGS = {
    "empty": ("",),
    "spaces": ("  ",),
    "a comma": (",",),
    "no quotes": ("2026-11-22T09:30:00+00:00",),
    "one quote": ('"a',),
    "the other quote": ('a"',),
    "single quotes": ("'a'",),
    "a space inside": ('"a b"',),
    "a tab inside": ('"a\tb"',),
    "a quote inside": ('"a"b"',),
    "two without a comma": ('"a" "b"',),
    "a semicolon": ('"a"; "b"',),
    "small w": ('w/"a"',),
    "weak without quotes": ("W/a",),
    "weak with a space": ('W/ "a"',),
    "any and a tag": ('*, "a"',),
    "a tag and any": ('"a", *',),
    "any twice": ("*, *",),
    "any and more": ("*a",),
    "any in two lines": ("*", "*"),
    "a good and a bad line": ('"a"', "b"),
    "a bad and a good line": ("b", '"a"'),
    "a number": ("1",),
    "null": ("null",),
    "60,000 quotes": ('"' * 60_001,),
}
BAD_IF_MATCH = {
    f"{kind}, {name}": request(
        method,
        target,
        AUTHORIZED,
        JSON,
        *(f"If-Match: {value}" for value in values),
        # Invalid bodies too: the condition is looked at first.
        body=body,
    )
    for kind, method, target, body in (
        ("put", "PUT", ONE, b'{"title":1}'),
        ("patch", "PATCH", ONE, TASK),
        ("delete", "DELETE", ONE, b""),
        ("complete", "PATCH", f"{ONE}/complete", b"{}"),
        ("restore", "POST", f"{ONE}/restore", b""),
        ("erase", "DELETE", f"{ALL}/trash/x", b""),
    )
    for name, values in TAGS.items()
}
UNSUPPORTED_CONDITIONS = {
    "If-Match of a create": request("POST", ALL, AUTHORIZED, JSON, "If-Match: *", body=TASK),
    "If-Match of a read": get(ONE, "If-Match: *"),
    "If-Match of a list": get(ALL, "If-Match: *"),
    "If-Match of the trash": get(f"{ALL}/trash", "If-Match: *"),
    **{
        f"If-None-Match of {name}": request(
            method, target, AUTHORIZED, JSON, "If-None-Match: *", body=body
        )
        for name, method, target, body in (
            ("a create", "POST", ALL, TASK),
            ("put", "PUT", ONE, TASK),
            ("patch", "PATCH", ONE, TASK),
            ("delete", "DELETE", ONE, b""),
            ("complete", "PATCH", f"{ONE}/complete", b"{}"),
            ("restore", "POST", f"{ONE}/restore", b""),
            ("erase", "DELETE", f"{ALL}/trash/1", b""),
        )
    },
    "an empty If-None-Match of put": request(
        "PUT", ONE, AUTHORIZED, JSON, "If-None-Match:", body=TASK
    ),
}
JSON_PATCH = "Content-Type: application/json-patch+json"
OTHER_MEDIA = {
    "put": write("PUT", ONE, TASK, MERGE_PATCH),
    "patch": write("PATCH", ONE, b"[]", JSON_PATCH),
    "complete": write("PATCH", f"{ONE}/complete", b"{}", "Content-Type: text/plain"),
}
UPGRADES = {
    "a WebSocket": get(f"{ALL}/0", *IGNORED["a WebSocket"]),
    "HTTP/2, and a body": request(
        "PATCH", f"{ONE}/complete", AUTHORIZED, JSON, *IGNORED["HTTP/2"], body=b'{"completed":1}'
    ),
}
STRANGE_HOST = get("/api/bob/tasks").replace(b"tasks.example", f"a{ALL}?b#@c".encode())
EXPECTING = request(
    "POST", ALL, AUTHORIZED, JSON, "Expect: 100-continue", "Content-Length: 99999999"
)


def each(method: str, body: bytes, lines: dict[str, tuple[str, ...]]) -> dict[str, bytes]:
    """One request to the collection for each group of header lines."""
    return {name: request(method, ALL, *group, body=body) for name, group in lines.items()}


def signed(lines: dict[str, tuple[str, ...]], *more: str) -> dict[str, tuple[str, ...]]:
    """Each group of header lines with a valid token in front."""
    return {name: (AUTHORIZED, *more, *group) for name, group in lines.items()}


CASES = [
    *cases("media", each("POST", TASK, signed(MEDIA)), 415, "media_type"),
    *cases("media of", OTHER_MEDIA, 415, "media_type"),
    *cases("idempotency key", each("POST", TASK, signed(KEYS, JSON)), 400, "invalid_request"),
    *cases("no idempotency key for", UNSUPPORTED_KEYS, 400, "invalid_request"),
    *cases("If-Match of", BAD_IF_MATCH, 400, "invalid_request"),
    *cases("no condition for", UNSUPPORTED_CONDITIONS, 400, "invalid_request"),
    *cases("two credentials", each("GET", b"", TWO_CREDENTIALS), 400, "invalid_request"),
    *cases("ignored header", each("POST", INVALID_TASK, signed(IGNORED, JSON)), 422, "validation"),
    *cases("an upgrade to", UPGRADES, 422, "validation"),
    *cases("ignored header", {"a strange host": STRANGE_HOST}, 403, "user_mismatch"),
    *cases("an expectation", {"of too much": EXPECTING}, 413, "body_too_large"),
    *cases("preflight", each("OPTIONS", b"", PREFLIGHTS), 400, "invalid_request"),
    *cases("not HTTP", MALFORMED, 400, "invalid_request"),
]
