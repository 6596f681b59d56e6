"""Invalid batches, and invalid positions in the feed of changes."""

import json
from typing import Any

from tests.api.bad_inputs import (
    ALL,
    AUTHORIZED,
    JSON,
    MERGE_PATCH,
    cases,
    get,
    write,
)
from tests.api.bad_inputs.cursors import cursor
from tests.api.bad_inputs.headers import KEYS
from tests.api.bad_inputs.members import MEMBERS
from tests.support.http.raw_http import request

BATCH, CHANGES = f"{ALL}/batch", f"{ALL}/changes"
CREATE: dict[str, Any] = {"op": "create", "task": {"title": "a"}}
MISSING = 2**62
LIMIT = 2**20
OLD = "2026-01-01T00:00:00Z"
VALUES: list[Any] = [None, True, 0, -1, 1.0, 0.5, 2**63, 10**400, "1", "", [1], {"id": 1}]
TIMES: list[Any] = [
    *(None, True, 1, "", "*", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"),
    *('"2026-01-01T00:00:00Z"', "infinity", "now", [], {}),
]


def operation(op: str, **members: Any) -> dict[str, Any]:
    """An operation on a task."""
    return {"op": op, "id": MISSING, **members}


def sent(*operations: Any) -> bytes:
    """A batch."""
    return write("POST", BATCH, json.dumps({"operations": operations}).encode())


OPERATIONS: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 1,
    "a string": "create",
    "an array": [CREATE],
    "an empty object": {},
    "no op": {"task": {"title": "a"}},
    "an unknown op": {"op": "canary", "task": {"title": "a"}},
    "an op in capitals": {"op": "CREATE", "task": {"title": "a"}},
    "an op with a space": {"op": "create ", "task": {"title": "a"}},
    "an op that is null": {"op": None, "task": {"title": "a"}},
    "an op that is an array": {"op": ["create"], "task": {"title": "a"}},
    "an op that is an object": {"op": {"create": 1}, "task": {"title": "a"}},
    "an op that is a number": {"op": 1, "task": {"title": "a"}},
    "an op with NUL": {"op": "create\0", "task": {"title": "a"}},
    "a JSON patch": {"op": "replace", "path": "/title", "value": "a"},
    "a create without a task": {"op": "create"},
    "a create of null": {"op": "create", "task": None},
    "a create of an array": {"op": "create", "task": [{"title": "a"}]},
    "a create of a string": {"op": "create", "task": "a"},
    "a create of an empty object": {"op": "create", "task": {}},
    "a create with an id": {**CREATE, "id": MISSING},
    "a create with if_match": {**CREATE, "if_match": "2026-01-01T00:00:00Z"},
    "a create with its members beside": {**CREATE, "title": "a"},
    "a create with changes": {**CREATE, "changes": {"title": "a"}},
    "a create with a key": {**CREATE, "idempotency_key": "canary"},
    "an update without changes": operation("update"),
    "an update of null": operation("update", changes=None),
    "an update of an empty object": operation("update", changes={}),
    "an update of an array": operation("update", changes=[]),
    "an update with a task": operation("update", changes={"title": "a"}, task={"title": "a"}),
    "an update with its members beside": operation("update", changes={"title": "a"}, title="a"),
    "an update without an id": {"op": "update", "changes": {"title": "a"}},
    "an update of completed_at": operation("update", changes={"completed_at": None}),
    "an update of created_at": operation("update", changes={"created_at": None}),
    "an update of deleted_at": operation("update", changes={"deleted_at": None}),
    "a delete without an id": {"op": "delete"},
    "a delete with changes": operation("delete", changes={"title": "a"}),
    "a delete with a user": operation("delete", user_id="bob"),
    "a restore without an id": {"op": "restore"},
    "a restore with if_match": operation("restore", if_match="2026-01-01T00:00:00Z"),
    "an operation with an unknown member": operation("delete", canary=1),
    "an operation with a prototype": operation("delete", __proto__={"op": "create"}),
    **{f"an id: {value!r:.20}": {"op": "delete", "id": value} for value in VALUES},
    **{f"if_match: {value!r}": operation("delete", if_match=value) for value in TIMES},
}
# In whatever operation stands first, the second one is refused, and so the whole batch.
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "an array": b"[]",
    "an array of operations": json.dumps([CREATE]).encode(),
    "an operation": json.dumps(CREATE).encode(),
    "an empty object": b"{}",
    "operations: null": b'{"operations":null}',
    "operations: an object": b'{"operations":{}}',
    "operations: a string": b'{"operations":"create"}',
    "no operations": b'{"operations":[]}',
    "101 operations": json.dumps({"operations": [CREATE] * 101}).encode(),
    "50,000 operations": b'{"operations":[' + b"{}," * 49_999 + b"{}]}",
    "operations twice": b'{"operations":[],"operations":[]}',
    "an op twice": b'{"operations":[{"op":"create","op":"create","task":{"title":"a"}}]}',
    "something unknown": json.dumps({"operations": [CREATE], "canary": 1}).encode(),
    "a mode": json.dumps({"operations": [CREATE], "atomic": False}).encode(),
    "not JSON": b'{"operations":[',
    "too deep": b'{"operations":' + b"[" * 40 + b"]" * 40 + b"}",
    "not UTF-8": b'{"operations":[{"op":"create","task":{"title":"\xff"}}]}',
    "a lone surrogate": rb'{"operations":[{"op":"create","task":{"title":"\ud800"}}]}',
    "NaN": b'{"operations":[{"op":"delete","id":NaN}]}',
}
TWICE: dict[str, list[Any]] = {
    "two deletes": [operation("delete"), operation("delete")],
    "an update and a delete": [operation("update", changes={"title": "a"}), operation("delete")],
    "a delete and a restore": [operation("delete"), CREATE, operation("restore")],
}
ABSENT: dict[str, list[Any]] = {
    "an update": [CREATE, operation("update", changes={"title": "a"})],
    "an update of a version": [operation("update", changes={"title": "a"}, if_match=OLD), CREATE],
    "a delete": [CREATE, operation("delete")],
    "a restore": [operation("restore"), CREATE],
}
ONE_CREATE = json.dumps({"operations": [CREATE]}).encode()
LARGE = ONE_CREATE.ljust(LIMIT + 1)
TOO_LARGE = {
    "announced": request("POST", BATCH, AUTHORIZED, JSON, f"Content-Length: {LIMIT + 1}"),
    "in chunks": request("POST", BATCH, AUTHORIZED, JSON, "Transfer-Encoding: chunked")
    + b"%x\r\n%s\r\n" % (len(LARGE), LARGE),
}
MEDIA = {
    "text": write("POST", BATCH, b"{}", "Content-Type: text/plain"),
    "a merge patch": write("POST", BATCH, b"{}", MERGE_PATCH),
    "gzip": request("POST", BATCH, AUTHORIZED, JSON, "Content-Encoding: gzip", body=b"{}"),
}
BATCH_KEYS = {
    name: request("POST", BATCH, AUTHORIZED, JSON, *lines, body=json.dumps(CREATE).encode())
    for name, lines in KEYS.items()
}
VERSION = '"2026-01-01T00:00:00+00:00"'
POSITIONS = {
    "empty": "",
    "a word": "canary",
    "a number": "1",
    "a time": "2026-01-01T00:00:00Z",
    "null": "null",
    "NUL": "%00",
    "padding": cursor(f"[1,{VERSION},1,null]") + "=",
    "no array": cursor('{"version":1}'),
    "an empty array": cursor("[]"),
    "three members": cursor(f"[1,{VERSION},1]"),
    "five members": cursor(f"[1,{VERSION},1,null,null]"),
    "another form": cursor(f"[2,{VERSION},1,null]"),
    "true as form": cursor(f"[true,{VERSION},1,null]"),
    "text as form": cursor(f'["1",{VERSION},1,null]'),
    "a number as version": cursor("[1,1,1,null]"),
    "a list as version": cursor("[1,[],1,null]"),
    "a day as version": cursor('[1,"2026-01-01",1,null]'),
    "no offset": cursor('[1,"2026-01-01T00:00:00",1,null]'),
    "no such day": cursor('[1,"2026-02-30T00:00:00Z",1,null]'),
    "infinity as version": cursor('[1,"infinity",1,null]'),
    "NUL in a version": cursor(r'[1,"2026-01-01T00:00:00Z\u0000",1,null]'),
    "an empty version": cursor('[1,"",1,null]'),
    "a negative id": cursor(f"[1,{VERSION},-1,null]"),
    "an id of 2^63": cursor(f"[1,{VERSION},{2**63},null]"),
    "a fraction as id": cursor(f"[1,{VERSION},1.0,null]"),
    "true as id": cursor(f"[1,{VERSION},true,null]"),
    "text as id": cursor(f'[1,{VERSION},"1",null]'),
    "null as id": cursor(f"[1,{VERSION},null,null]"),
    "a number as start": cursor(f"[1,{VERSION},1,1]"),
    "a day as start": cursor(f'[1,{VERSION},1,"2026-01-01"]'),
    "an empty start": cursor(f'[1,{VERSION},1,""]'),
    "an id without a version": cursor("[1,null,1,null]"),
    "a start without a version": cursor(f"[1,null,0,{VERSION}]"),
    "a cursor of a list": cursor(f'["created_at","desc",{VERSION},1]'),
    "too deep": cursor("[1," + "[" * 40 + "]" * 40 + ",1,null]"),
    "not JSON": cursor("[1,"),
    "not UTF-8": cursor("[1").replace("=", "") + "_w",
    "20,000 characters": "a" * 20_000,
}
LOST = {
    "of the future": cursor('[1,"9999-01-01T00:00:00Z",1,null]'),
    "of before everything": cursor('[1,"1969-01-01T00:00:00Z",1,null]'),
    "of an offset of 20 hours": cursor('[1,"1969-01-01T00:00:00+20:00",1,null]'),
    "of a start of an offset of 20 hours": cursor(f'[1,{VERSION},1,"9999-01-01T00:00:00+20:00"]'),
    "of a start in the future": cursor(f'[1,{VERSION},1,"9999-01-01T00:00:00Z"]'),
}
QUERIES = {
    **{f"since: {name}": f"since={text}" for name, text in POSITIONS.items()},
    "since twice": "since=a&since=a",
    "limit: zero": "limit=0",
    "limit: 1001": "limit=1001",
    "limit: a word": "limit=canary",
    "limit: empty": "limit=",
    "limit twice": "limit=1&limit=2",
    "a cursor": "cursor=a",
    "a status": "status=all",
    "a sort": "sort=title",
    "an unknown name": "canary=1",
}
CREATES = {
    name: sent(CREATE, {"op": "create", "task": {"title": "a"} | m}) for name, m in MEMBERS.items()
}
UPDATES = {name: sent(CREATE, operation("update", changes=m)) for name, m in MEMBERS.items()}
CASES = [
    *cases(
        "batch", {name: write("POST", BATCH, b) for name, b in BODIES.items()}, 422, "validation"
    ),
    *cases("batch with", {n: sent(CREATE, o) for n, o in OPERATIONS.items()}, 422, "validation"),
    *cases("batch with a create of", CREATES, 422, "validation"),
    *cases("batch with an update of", UPDATES, 422, "validation"),
    *cases("batch with an id twice", {n: sent(*o) for n, o in TWICE.items()}, 422, "validation"),
    *cases("batch, absent", {n: sent(*o) for n, o in ABSENT.items()}, 404, "task_not_found"),
    *cases("batch too large", TOO_LARGE, 413, "body_too_large"),
    *cases("batch as", MEDIA, 415, "media_type"),
    *cases("key of a batch", BATCH_KEYS, 400, "invalid_request"),
    *cases("changes", {n: get(f"{CHANGES}?{q}") for n, q in QUERIES.items()}, 422, "validation"),
    *cases(
        "changes", {n: get(f"{CHANGES}?since={p}") for n, p in LOST.items()}, 410, "resync_required"
    ),
    *cases(
        "batch with", {"a query": write("POST", f"{BATCH}?atomic=0", ONE_CREATE)}, 422, "validation"
    ),
    *cases("no key for", {"changes": get(CHANGES, "Idempotency-Key: k")}, 400, "invalid_request"),
]
