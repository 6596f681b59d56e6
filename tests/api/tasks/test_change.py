"""PUT, PATCH and DELETE /api/{user_id}/tasks/{id}, and PATCH …/complete."""

from typing import Any

import pytest

from tests.support.http.client import User

FULL: dict[str, Any] = {
    "title": "Buy milk",
    "description": "two litres",
    "completed": True,
    "priority": "high",
    "due_date": "2026-12-01",
    "tags": ["home"],
}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("title", "Buy bread"),
        ("description", None),
        ("description", "one litre"),
        ("completed", False),
        ("priority", "low"),
        ("due_date", None),
        ("due_date", "2027-01-01T00:00:00+01:00"),
        ("tags", []),
        ("tags", ["b", "a"]),
    ],
)
def test_a_change_of_one_member_leaves_the_others(
    alice: User, method: str, member: str, value: object
) -> None:
    before = alice.add(**FULL)
    response = alice.request(method, alice.one(before["id"]), json={member: value})

    after = response.json()
    expected = before | {member: value, "updated_at": after["updated_at"]}
    expected["completed_at"] = None if value is False else before["completed_at"]
    assert response.status_code == 200
    assert after == expected
    assert after["updated_at"] > before["updated_at"]
    assert alice.get(alice.one(before["id"])).json() == after


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_all_members_can_change_at_once(alice: User, method: str) -> None:
    task = alice.add("old")
    response = alice.request(method, alice.one(task["id"]), json=FULL)

    assert FULL.items() <= response.json().items()


def test_patch_accepts_a_merge_patch_and_put_does_not(alice: User) -> None:
    task = alice.add()
    path = alice.one(task["id"])

    patched = alice.patch(path, content=b'{"title":"b"}', headers=MERGE_PATCH)
    put = alice.put(path, content=b'{"title":"c"}', headers=MERGE_PATCH)

    assert patched.json()["title"] == "b"
    assert (put.status_code, put.json()["code"]) == (415, "media_type")


def test_toggling_twice_restores_the_state(alice: User) -> None:
    task = alice.add()
    path = f"{alice.one(task['id'])}/complete"

    done = alice.patch(path).json()
    undone = alice.patch(path).json()

    assert (done["completed"], undone["completed"]) == (True, False)
    assert done["completed_at"] == done["updated_at"]
    assert undone["completed_at"] is None
    assert task["updated_at"] < done["updated_at"] < undone["updated_at"]


@pytest.mark.parametrize(
    "request_parts",
    [
        {},
        {"headers": {"Content-Type": "application/json"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"json": {}},
    ],
    ids=["no body", "json type, no body", "text type, no body", "empty object"],
)
def test_complete_without_a_body_toggles(alice: User, request_parts: dict[str, Any]) -> None:
    task = alice.add()

    response = alice.patch(f"{alice.one(task['id'])}/complete", **request_parts)

    assert (response.status_code, response.json()["completed"]) == (200, True)


def test_setting_completed_twice_keeps_completed_at(alice: User) -> None:
    path = f"{alice.one(alice.add()['id'])}/complete"

    first = alice.patch(path, json={"completed": True}).json()
    again = alice.patch(path, json={"completed": True}).json()
    reopened = alice.patch(path, json={"completed": False}).json()

    assert first["completed"] is again["completed"] is True
    assert again["completed_at"] == first["completed_at"]
    assert again["updated_at"] > first["updated_at"]
    assert (reopened["completed"], reopened["completed_at"]) == (False, None)


def test_delete_returns_the_last_state_of_the_task(alice: User) -> None:
    task = alice.add(**FULL)
    path = alice.one(task["id"])

    first = alice.delete(path)
    second = alice.delete(path)

    assert (first.status_code, first.json()) == (200, task)
    assert (second.status_code, second.json()["code"]) == (404, "task_not_found")
    assert alice.get(path).status_code == 404


def test_every_operation_on_an_unknown_task_is_404(alice: User) -> None:
    path = alice.one(2**63 - 1)
    calls = [
        alice.get(path),
        alice.put(path, json={"title": "x"}),
        alice.patch(path, json={"title": "x"}),
        alice.delete(path),
        alice.patch(f"{path}/complete"),
        alice.patch(f"{path}/complete", json={"completed": True}),
    ]

    assert {(call.status_code, call.json()["code"]) for call in calls} == {(404, "task_not_found")}


def test_a_json_content_type_without_a_body_is_accepted(alice: User) -> None:
    headers = {"Content-Type": "application/json"}
    task = alice.add()

    assert alice.get(alice.tasks, headers=headers).status_code == 200
    assert alice.get(alice.one(task["id"]), headers=headers).status_code == 200
    assert alice.delete(alice.one(task["id"]), headers=headers).status_code == 200
