"""POST /api/{user_id}/tasks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.tasks.schemas import TaskCreate
from tests.support.http.client import User

MEMBERS = [
    "id",
    "user_id",
    "title",
    "description",
    "completed",
    "completed_at",
    "priority",
    "due_date",
    "tags",
    "created_at",
    "updated_at",
]


def test_only_the_title_is_required(alice: User) -> None:
    response = alice.post(alice.tasks, json={"title": "Buy milk"})

    task = response.json()
    assert response.status_code == 201
    assert list(task) == MEMBERS
    assert task["user_id"] == alice.user_id
    assert task["title"] == "Buy milk"
    assert task["description"] is None
    assert task["completed"] is False
    assert task["completed_at"] is None
    assert task["priority"] == "medium"
    assert task["due_date"] is None
    assert task["tags"] == []
    assert task["created_at"] == task["updated_at"]


def test_times_are_rfc_3339_in_utc(alice: User) -> None:
    created = alice.add()["created_at"]

    assert created.endswith("+00:00")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()) < 60


def test_location_is_the_path_of_the_new_task(alice: User) -> None:
    response = alice.post(alice.tasks, json={"title": "Buy milk"})

    assert alice.get(response.headers["location"]).json() == response.json()


def test_location_is_percent_encoded(base_url: str) -> None:
    with User(base_url, "o'brien +%é💚@example.com") as user:
        response = user.post(user.tasks, json={"title": "x"})

        assert user.get(response.headers["location"]).status_code == 200


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("title", "é" * 255),
        ("title", "💚" * 255),
        ("title", "❤\ufe0f"),
        ("title", "\u200bzero width around\u200b"),
        ("title", " kept as it is  "),
        ("title", "%s %(owner)s \\ ' \" ; DROP TABLE task; --"),
        ("title", "\u202eright to left, and a zero width\u200bspace"),
        ("description", None),
        ("description", ""),
        ("description", "a\tb\nc"),
        ("description", "a\r\nb\r"),
        ("description", "\u200b"),
        ("description", "x" * 5000),
        ("priority", "low"),
        ("priority", "high"),
        ("due_date", "2028-02-29"),
        ("due_date", "2026-12-01T17:00:00Z"),
        ("due_date", "2026-12-01T17:00:00.123456789+05:30"),
        ("due_date", "0001-01-01"),
        ("due_date", "9999-12-31T23:59:59Z"),
        ("tags", ["home", "Home", "{a,b}", 'quote"', "back\\slash", "NULL", "é"]),
        ("tags", [f"{i}" * 2 for i in range(20)]),
        ("tags", ["x" * 50]),
    ],
)
def test_values_are_stored_and_returned_unchanged(alice: User, member: str, value: object) -> None:
    task = alice.post(alice.tasks, json={"title": "a task", member: value}).json()

    assert task[member] == value
    assert alice.get(alice.one(task["id"])).json() == task


def test_a_task_can_be_created_completed(alice: User) -> None:
    task = alice.add(completed=True)

    assert task["completed"] is True
    assert task["completed_at"] == task["created_at"]


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "; charset=utf-8",
        '; charset="UTF-8"',
        ";charset=utf8",
        " ; CHARSET = Utf-8",
        ";",
        "; charset=utf-8;",
        "; charset=",
        "; odata.metadata=minimal; charset=utf-8",
        '; profile="https://example.com/a;charset=utf-16,b"',
        "; boundary",
    ],
)
def test_parameters_of_the_media_type_are_accepted(alice: User, parameters: str) -> None:
    headers = {"Content-Type": f"application/json{parameters}"}
    response = alice.post(alice.tasks, content='{"title":"é"}'.encode(), headers=headers)

    assert response.status_code == 201
    assert response.json()["title"] == "é"


def test_another_charset_is_415_and_the_text_says_so(alice: User) -> None:
    headers = {"Content-Type": "application/json; charset=iso-8859-1"}
    response = alice.post(alice.tasks, content=b'{"title":"a"}', headers=headers)

    assert (response.status_code, response.json()["code"]) == (415, "media_type")
    assert "charset" in response.json()["detail"]


def test_the_collection_also_answers_with_a_slash(alice: User) -> None:
    assert alice.post(f"{alice.tasks}/", json={"title": "x"}).status_code == 201
    assert len(alice.get(f"{alice.tasks}/").json()) == 1


def test_completed_at_and_created_at_are_kept(alice: User) -> None:
    history = {
        "created_at": "2024-02-29T23:30:00.123456+05:30",
        "completed_at": "2024-02-01T09:00:00-08:00",
    }
    task = alice.add(**history)

    assert task["completed"] is True
    assert task["created_at"] == "2024-02-29T18:00:00.123456+00:00"
    assert task["completed_at"] == "2024-02-01T17:00:00+00:00"
    assert task["updated_at"] > "2026"
    assert alice.get(alice.one(task["id"])).json() == task


def test_a_task_completed_without_a_time_is_completed_now(alice: User) -> None:
    task = alice.add(completed=True, created_at="2024-01-01T00:00:00Z", completed_at=None)

    assert task["created_at"] == "2024-01-01T00:00:00+00:00"
    assert task["completed_at"] == task["updated_at"]


def test_history_that_is_null_is_as_absent(alice: User) -> None:
    history: dict[str, Any] = {"completed_at": None, "created_at": None}
    task = alice.add(completed=False, **history)

    assert task["completed_at"] is None
    assert task["created_at"] == task["updated_at"]


def test_completed_at_contradicts_completed_false(alice: User) -> None:
    body = {"title": "a", "completed": False, "completed_at": "2024-01-01T00:00:00Z"}
    response = alice.post(alice.tasks, json=body)

    assert response.status_code == 422
    assert "completed_at" in response.json()["detail"]


@pytest.mark.parametrize("member", ["created_at", "completed_at"])
def test_history_is_not_in_the_future(alice: User, member: str) -> None:
    now = datetime.now(UTC)
    accepted = alice.post(alice.tasks, json={"title": "a", member: now.isoformat()})
    future = (now + timedelta(minutes=1)).isoformat()
    refused = alice.post(alice.tasks, json={"title": "a", member: future})

    assert (accepted.status_code, refused.status_code) == (201, 422)
    assert refused.json()["errors"][0]["loc"] == ["body", member]


def test_a_repeated_idempotency_key_returns_the_first_task(alice: User) -> None:
    headers = {"Idempotency-Key": "k-1"}
    body = {"title": "Buy milk", "tags": ["a"]}
    first = alice.post(alice.tasks, json=body, headers=headers)
    again = alice.post(alice.tasks, json=dict(reversed(body.items())), headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()
    assert len(alice.all()) == 1


def test_a_repeated_key_with_another_body_is_422(alice: User) -> None:
    headers = {"Idempotency-Key": "k-1"}
    alice.post(alice.tasks, json={"title": "one"}, headers=headers)

    response = alice.post(alice.tasks, json={"title": "two"}, headers=headers)

    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_mismatch"
    assert [task["title"] for task in alice.all()] == ["one"]


def test_a_member_at_its_default_is_the_same_body_as_without_it(alice: User) -> None:
    headers = {"Idempotency-Key": "k-1"}
    defaults: dict[str, Any] = {"priority": "medium", "tags": [], "description": None}
    first = alice.post(alice.tasks, json={"title": "one"}, headers=headers)
    again = alice.post(alice.tasks, json={"title": "one"} | defaults, headers=headers)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()


def test_a_replay_shows_the_task_as_it_is_now(alice: User) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = alice.post(alice.tasks, json={"title": "one"}, headers=headers).json()
    changed = alice.put(alice.one(first["id"]), json={"title": "two"}).json()

    again = alice.post(alice.tasks, json={"title": "one"}, headers=headers)

    assert (again.status_code, again.json()) == (201, changed)


def test_the_request_hash_survives_one_more_optional_member_and_another_order() -> None:
    members: dict[str, Any] = {"title": "one", "tags": ["b", "a"], "due_date": "2026-12-01"}

    class NextTaskCreate(TaskCreate):
        """A task of the next release."""

        colour: str | None = None
        done: bool = False

    hashes = {
        model.model_validate(sent).request_hash()
        for model in (TaskCreate, NextTaskCreate)
        for sent in (members, dict(reversed(members.items())))
    }
    assert len(hashes) == 1
    assert TaskCreate.model_validate(members | {"tags": ["a", "b"]}).request_hash() not in hashes


def test_a_key_still_answers_its_task_from_the_trash(alice: User) -> None:
    headers = {"Idempotency-Key": "!~" * 127}
    first = alice.post(alice.tasks, json={"title": "one"}, headers=headers).json()
    alice.delete(alice.one(first["id"]))

    again = alice.post(alice.tasks, json={"title": "one"}, headers=headers)
    other = alice.post(alice.tasks, json={"title": "two"}, headers=headers)

    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() | {"updated_at": first["updated_at"]} == first
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert alice.all() == []


def test_without_a_key_the_same_body_creates_another_task(alice: User) -> None:
    assert alice.add("same")["id"] != alice.add("same")["id"]
