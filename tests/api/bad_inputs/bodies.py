"""Invalid bodies of every operation that is no GET."""

import json
from urllib.parse import unquote

from tests.api.bad_inputs import ALL, AUTHORIZED, JSON, MERGE_PATCH, ONE, cases, write
from tests.api.bad_inputs.members import MEMBERS, WHOLE
from tests.api.bad_inputs.texts import AMBIGUOUS, DEEP, NOT_JSON
from tests.api.bad_inputs.times import INVALID_TIMES
from tests.support.http.raw_http import request

DUE = {
    name: json.dumps({"title": "a", "due_date": unquote(sent)}).encode()
    for name, sent in INVALID_TIMES.items()
    if name != "a bare plus"
}
COMPLETIONS: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a string": b'"true"',
    "an array": b"[]",
    "not JSON": b"{",
    "no completed": b'{"completed":null}',
    "text": b'{"completed":"true"}',
    "one": b'{"completed":1}',
    "zero": b'{"completed":0}',
    "twice": b'{"completed":true,"completed":false}',
    "something unknown": b'{"completed":true,"canary":1}',
    "another member": b'{"title":"a"}',
    "a capital": b'{"Completed":true}',
}
ABSENT: dict[str, bytes] = {"nothing": b"", "an empty object": b"{}", "null": b"null"}
TASKS = {name: json.dumps({"title": "a", **sent}).encode() for name, sent in MEMBERS.items()}
CREATES = {"nothing": b"", **NOT_JSON, **AMBIGUOUS, **DEEP, **WHOLE, **TASKS, **DUE}
CHANGES = {
    **ABSENT,
    "an array": b"[]",
    "not JSON": b"{",
    **{name: json.dumps(sent).encode() for name, sent in MEMBERS.items()},
}
PATCHES = {
    **ABSENT,
    "a JSON patch": b'[{"op":"remove","path":"/title"}]',
    "title: null": b'{"title":null}',
}
FOR_NO_BODY: dict[str, bytes] = {
    "a condition": b'{"if_match":"2026-01-01T00:00:00Z"}',
    "a member": b'{"title":"a"}',
    "false": b"false",
    "an array": b"[]",
    "not JSON": b"{",
}
NO_BODY = {
    "delete": ("DELETE", ONE),
    "restore": ("POST", f"{ONE}/restore"),
    "erase": ("DELETE", f"{ALL}/trash/1"),
}
LIMIT = 65_536
LARGE = b'{"title":"a"' + b" " * (LIMIT - 12) + b"}"
# Content-Length announces more than is sent: the response must not wait for the rest.
TOO_LARGE = {
    "one byte": request("POST", ALL, AUTHORIZED, JSON, f"Content-Length: {LIMIT + 1}"),
    "2^63 bytes": request("PUT", ONE, AUTHORIZED, JSON, f"Content-Length: {2**63}"),
    "without a token": request("POST", ALL, JSON, "Content-Length: 99999999"),
    "for a delete": request("DELETE", ONE, AUTHORIZED, "Content-Length: 99999999"),
    "one byte, in chunks": request("POST", ALL, AUTHORIZED, JSON, "Transfer-Encoding: chunked")
    + b"%x\r\n%s\r\n" % (len(LARGE), LARGE),
}


def each(method: str, target: str, bodies: dict[str, bytes], media: str = JSON) -> dict[str, bytes]:
    """One request for each body."""
    return {name: write(method, target, body, media) for name, body in bodies.items()}


CASES = [
    *cases("body", each("POST", ALL, CREATES), 422, "validation"),
    *cases("body of put", each("PUT", ONE, CHANGES), 422, "validation"),
    *cases("body of patch", each("PATCH", ONE, PATCHES, MERGE_PATCH), 422, "validation"),
    *cases("body of complete", each("PATCH", f"{ONE}/complete", COMPLETIONS), 422, "validation"),
    *(
        case
        for name, (method, target) in NO_BODY.items()
        for case in cases(f"body of {name}", each(method, target, FOR_NO_BODY), 422, "validation")
    ),
    *cases("body too large", TOO_LARGE, 413, "body_too_large"),
]
