"""The ``errors`` of a 422: one entry per mistake, at its place, in words of JSON and not Python."""

import json
import re
from typing import Any

import httpx2 as httpx
import pytest

from api.tasks.list_query import ListQuery
from api.tasks.schemas import TaskRead
from tests.support.http.client import User

PYTHON = re.compile(
    r"\b(None|NoneType|dict|dictionary|list|tuple|str|int|bool|literal|instance|model\w*|nullable|"
    r"function-\w+|Task\w+|Input)\b"
)
# One value that each query parameter refuses.
INVALID = {
    "status": "",
    "priority": "",
    "tag": "",
    "search": "\x07",
    "due_from": "",
    "due_before": "2026-02-30",
    "sort": "",
    "order": "",
    "limit": "0",
    "cursor": "",
}
# Every member with a value of every JSON type that it does not hold.
VALUES: list[Any] = [None, True, 1, 0.5, "", "\x07", "x" * 6000, [], [""], [1, None], {}, {"a": 1}]
NULLABLE = {"description", "due_date", "completed_at", "created_at"}
VALID: dict[str, tuple[Any, ...]] = {
    "completed": (True,),
    "tags": ([],),
    "description": ("",),
}
MEMBERS = ["title", "description", "completed", "priority", "due_date", "tags"]
CREATE_ONLY = ["completed_at", "created_at"]


def errors(response: httpx.Response) -> list[dict[str, Any]]:
    """The entries of a 422, of which no text names anything of Python's."""
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "validation"), response.text
    for entry in problem["errors"]:
        assert not PYTHON.search(f"{entry['message']} {entry['code']}"), entry
    found: list[dict[str, Any]] = problem["errors"]
    assert found
    return found


def is_valid(member: str, value: object) -> bool:
    """Whether the member holds this value, which equality alone does not tell: 1 is True."""
    if value is None:
        return member in NULLABLE
    return any(type(v) is type(value) and v == value for v in VALID.get(member, ()))


def test_every_query_parameter_is_covered() -> None:
    assert set(INVALID) == set(ListQuery.model_fields)


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_parameter_is_one_entry_at_its_name(alice: User, name: str) -> None:
    response = alice.get(alice.tasks, params={name: INVALID[name]})

    [entry] = errors(response)
    assert entry["loc"][:2] == ["query", name]
    assert entry["loc"][2:] == ([0] if name == "tag" else [])


def test_two_invalid_parameters_are_two_entries(alice: User) -> None:
    response = alice.get(alice.tasks, params={"priority": "", "due_before": ""})

    found = [entry["loc"] for entry in errors(response)]
    assert found == [["query", "priority"], ["query", "due_before"]]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("member", [*MEMBERS, *CREATE_ONLY])
def test_an_invalid_member_is_one_entry_at_its_name(
    alice: User, member: str, value: object
) -> None:
    response = alice.post(alice.tasks, json={"title": "a", member: value})

    if is_valid(member, value):
        assert response.status_code == 201
        return
    found = errors(response)
    assert len(found) == (len(value) if member == "tags" and value == [1, None] else 1)
    assert all(entry["loc"][:2] == ["body", member] for entry in found)


@pytest.mark.parametrize("body", [None, True, 1, "a", []], ids=repr)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "complete"])
def test_a_body_that_is_not_an_object_is_one_entry(alice: User, method: str, body: object) -> None:
    one = alice.one(alice.add()["id"])
    path = {"POST": alice.tasks, "complete": f"{one}/complete"}.get(method, one)
    verb = "PATCH" if method == "complete" else method

    headers = {"Content-Type": "application/json"}
    response = alice.request(verb, path, content=json.dumps(body), headers=headers)

    [entry] = errors(response)
    expected = {"loc": ["body"], "code": "object_type", "message": "Send a JSON object"}
    assert entry == expected


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_whole_task_as_read_is_one_entry_that_names_what_cannot_be_set(
    alice: User, method: str
) -> None:
    task = alice.add()

    [entry] = errors(alice.request(method, alice.one(task["id"]), json=task))
    assert (entry["loc"], entry["code"]) == (["body"], "extra_forbidden")
    assert (
        "cannot be set here: id, user_id, completed_at, created_at, updated_at;"
        in (entry["message"])
    )


def test_a_create_names_the_members_that_it_cannot_set(alice: User) -> None:
    [entry] = errors(alice.post(alice.tasks, json=alice.add()))

    assert "cannot be set here: id, user_id, updated_at;" in entry["message"]


def test_complete_names_the_members_that_it_cannot_set(alice: User) -> None:
    path = f"{alice.one(alice.add()['id'])}/complete"

    [entry] = errors(alice.patch(path, json={"completed": True, "title": "b", "id": 1}))
    assert "cannot be set here: id, title; settable are: completed" in entry["message"]


def test_names_that_are_not_ours_are_one_entry_without_the_names(alice: User) -> None:
    body = {"title": "a", "canary1": 1, "canary2": {"canary3": 2}, "id": 1}
    response = alice.post(alice.tasks, json=body)

    own, foreign = errors(response)
    assert "cannot be set here: id;" in own["message"]
    assert foreign["message"].startswith("Unknown member; settable are: title, ")
    assert "canary" not in response.text


def test_the_members_that_can_be_set_are_those_of_a_task(alice: User) -> None:
    for member in TaskRead.model_fields:
        response = alice.post(alice.tasks, json={"title": "a", "x": 1, member: []})
        assert f" {member}" in response.text, member


def test_an_object_of_too_many_members_is_one_entry(alice: User) -> None:
    task = {"title": "a", **{f"x{number}": number for number in range(32)}}
    batch = {"operations": [{"op": "create", "task": task}]}

    for path, body in ((alice.tasks, task), (f"{alice.tasks}/batch", batch)):
        [entry] = errors(alice.post(path, json=body))
        assert (entry["loc"], entry["code"]) == (["body"], "too_many_members")


@pytest.mark.parametrize("operation", ["create", "reuse"])
def test_every_422_has_errors(alice: User, operation: str) -> None:
    key = {"Idempotency-Key": "k"}
    first = alice.post(alice.tasks, json={"title": "a"}, headers=key)
    title = "b" if operation == "reuse" else ""
    response = alice.post(alice.tasks, json={"title": title}, headers=key)

    assert first.status_code == 201
    assert response.status_code == 422
    [entry] = response.json()["errors"]
    assert entry["loc"] == (
        ["header", "Idempotency-Key"] if operation == "reuse" else ["body", "title"]
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("\ufeff{}".encode("utf-16-le"), "byte order mark"),
        ("{}".encode("utf-32"), "byte order mark"),
        ('{"title":"a"}'.encode("utf-16-le"), "UTF-16"),
        ('{"title":"é"}'.encode("latin-1"), "not UTF-8"),
        (b'{"title":"\xed\xa0\x80"}', "not UTF-8"),
        (rb'{"title":"\ud800"}', "surrogate"),
        (b"[" * 40 + b"]" * 40, "more than 32 levels"),
        (b'{"title":"a"', "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\n", "not valid JSON"),
    ],
)
def test_the_text_says_what_is_wrong_with_the_encoding(
    alice: User, body: bytes, message: str
) -> None:
    headers = {"Content-Type": "application/json"}

    [entry] = errors(alice.post(alice.tasks, content=body, headers=headers))
    assert (entry["loc"], entry["code"]) == (["body"], "json_invalid")
    assert message in entry["message"]
