"""Batches: every operation is applied or none is, in one version, and a key makes it once."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.database.row_level_security import administer
from tests.support.documents import block
from tests.support.http.client import User, user_of_new_api

Operation = dict[str, Any]
OLD = "UPDATE task_batch SET created_at = created_at - interval '31 days' WHERE user_id = %(user)s"
KEYS = "SELECT idempotency_key FROM task_batch WHERE user_id = %(user)s ORDER BY 1"
CLOCK = "SELECT at, live FROM task_clock WHERE user_id = %(user)s"


def send(user: User, *operations: Operation, key: str | None = None) -> httpx.Response:
    """The answer to a batch."""
    headers = {"Idempotency-Key": key} if key else {}
    return user.post(f"{user.tasks}/batch", json={"operations": operations}, headers=headers)


def applied(user: User, *operations: Operation, key: str | None = None) -> list[Any]:
    """The tasks after a batch that is applied."""
    response = send(user, *operations, key=key)
    assert response.status_code == 200, response.text
    tasks: list[Any] = response.json()["tasks"]
    return tasks


def create(title: str = "new", **members: Any) -> Operation:
    """An operation that creates a task."""
    return {"op": "create", "task": {"title": title, **members}}


def update(task: dict[str, Any], **changes: Any) -> Operation:
    """An operation that changes a task."""
    return {"op": "update", "id": task["id"], "changes": changes}


def delete(task: dict[str, Any]) -> Operation:
    """An operation that deletes a task."""
    return {"op": "delete", "id": task["id"]}


def restore(task: dict[str, Any]) -> Operation:
    """An operation that restores a task."""
    return {"op": "restore", "id": task["id"]}


def clock(database_url: str, user: User) -> Any:
    """The user's version and number of live tasks."""
    [row] = administer(database_url, CLOCK, user=user.user_id)
    return row


def test_a_batch_creates_changes_deletes_and_restores_in_order(alice: User) -> None:
    kept, deleted, trashed = (alice.add(title) for title in ("kept", "deleted", "trashed"))
    applied(alice, delete(trashed))

    found = applied(
        alice,
        create("new", tags=["a", "b"], due_date="2026-12-01T17:00:00+01:00", completed=True),
        update(kept, title="changed", description="text", due_date="2026-12-01"),
        delete(deleted),
        restore(trashed),
    )

    assert [task["title"] for task in found] == ["new", "changed", "deleted", "trashed"]
    assert [task["deleted_at"] is None for task in found] == [True, True, False, True]
    assert len({task["updated_at"] for task in found}) == 1
    assert found[0]["completed_at"] == found[0]["created_at"] == found[0]["updated_at"]
    assert found[0]["due_date"] == "2026-12-01T17:00:00+01:00"
    listed = [found[task] | {"deleted_at": None} for task in (0, 3, 1)]
    assert [task | {"deleted_at": None} for task in alice.all()] == listed


def test_the_batch_of_the_document_is_applied(alice: User) -> None:
    shown = json.loads(block("api/README.md", '{\n  "operations"'))["operations"]
    one, two, three = (alice.add() for _ in range(3))
    applied(alice, delete(three))
    shown[1] |= {"id": one["id"], "if_match": one["updated_at"]}
    shown[2]["id"], shown[3]["id"] = two["id"], three["id"]

    first, *_ = applied(alice, *shown)
    assert first["title"] == "Buy oats"
    assert {task["id"] for task in alice.all()} >= {one["id"], three["id"]}


def test_a_create_in_a_batch_equals_a_single_one(alice: User) -> None:
    members: dict[str, Any] = {
        "title": "a task",
        "description": "line\n\ttext \U0001f600 %s %(n)s ' \\ \"",
        "priority": "high",
        "due_date": "2026-12-01T17:00:00+01:00",
        "tags": ["a", "b c"],
        "created_at": "2020-01-02T03:04:05Z",
        "completed_at": "2019-01-02T03:04:05.678901Z",
    }
    single = alice.add(**members)
    [batched] = applied(alice, create(**members))

    moved = {"id", "updated_at"}
    del batched["deleted_at"]
    assert {n: v for n, v in batched.items() if n not in moved} == {
        n: v for n, v in single.items() if n not in moved
    }
    assert alice.get(alice.one(batched["id"])).json() == batched


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "b"},
        {"description": "b"},
        {"description": None},
        {"completed": True},
        {"completed": False},
        {"priority": "high"},
        {"due_date": "2027-01-01"},
        {"due_date": None},
        {"tags": []},
        {"tags": ["z"], "title": "c", "completed": True},
    ],
    ids=str,
)
def test_an_update_in_a_batch_equals_a_single_one(alice: User, changes: dict[str, Any]) -> None:
    one, other = (
        alice.add("a", description="x", due_date="2026-12-01", tags=["y"], completed=done)
        for done in (False, False)
    )
    single = alice.patch(alice.one(one["id"]), json=changes).json()
    [batched] = applied(alice, update(other, **changes))

    moved = {"id", "updated_at", "created_at", "completed_at", "deleted_at"}
    assert {n: v for n, v in batched.items() if n not in moved} == {
        n: v for n, v in single.items() if n not in moved
    }
    done = batched["completed_at"] and batched["updated_at"]
    assert batched["completed_at"] == done


def test_completing_again_keeps_the_time(alice: User) -> None:
    task = alice.add(completed=True)

    [again] = applied(alice, update(task, completed=True))

    assert again["completed_at"] == task["completed_at"]


REFUSED = {
    "missing": (404, "task_not_found", "id"),
    "foreign": (404, "task_not_found", "id"),
    "an update of the trash": (404, "task_not_found", "id"),
    "a restore of a live task": (404, "task_not_found", "id"),
    "another version": (412, "version_mismatch", "if_match"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_batch_with_one_refused_operation_changes_nothing(
    alice: User, bob: User, database_url: str, wrong: str
) -> None:
    live, trashed, foreign = alice.add("live"), alice.add("trashed"), bob.add("foreign")
    applied(alice, delete(trashed))
    refused = {
        "missing": delete({"id": 2**62}),
        "foreign": delete(foreign),
        "an update of the trash": update(trashed, title="x"),
        "a restore of a live task": restore(live),
        "another version": delete(live) | {"if_match": "2026-01-01T00:00:00Z"},
    }[wrong]
    other = alice.add("other")
    before = clock(database_url, alice), alice.all(), bob.all()

    response = send(alice, create(), update(other, title="y"), refused)

    status, code, member = REFUSED[wrong]
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert [entry["loc"] for entry in problem["errors"]] == [["body", "operations", 2, member]]
    assert (clock(database_url, alice), alice.all(), bob.all()) == before


def test_missing_tasks_come_before_other_versions(alice: User) -> None:
    old = delete(alice.add()) | {"if_match": "2026-01-01T00:00:00Z"}

    response = send(alice, old, delete({"id": 2**62}), create(), restore({"id": 2**61}))

    assert response.json()["code"] == "task_not_found"
    assert [(entry["loc"][2], entry["message"]) for entry in response.json()["errors"]] == [
        (1, "There is no such task."),
        (3, "There is no such task in the trash."),
    ]


def test_every_operation_with_another_version_is_named(alice: User, database_url: str) -> None:
    one, two, three = (alice.add() for _ in range(3))
    before = clock(database_url, alice), alice.all()

    response = send(
        alice,
        update(one, title="x") | {"if_match": two["updated_at"]},
        update(two, title="x") | {"if_match": two["updated_at"]},
        delete(three) | {"if_match": two["updated_at"]},
    )

    assert (response.status_code, response.json()["code"]) == (412, "version_mismatch")
    assert [entry["loc"] for entry in response.json()["errors"]] == [
        ["body", "operations", number, "if_match"] for number in (0, 2)
    ]
    assert "ETag" not in response.headers
    assert (clock(database_url, alice), alice.all()) == before


def test_if_match_compares_instants(alice: User) -> None:
    task = alice.add()
    same = task["updated_at"].replace("+00:00", "Z")

    [changed] = applied(alice, update(task, title="x") | {"if_match": same})

    assert changed["title"] == "x"
    response = send(alice, update(task, title="y") | {"if_match": same})
    assert response.status_code == 412


def test_a_delete_of_what_is_in_the_trash_changes_nothing(alice: User, database_url: str) -> None:
    task = alice.add()
    [first] = applied(alice, delete(task) | {"if_match": task["updated_at"]})
    before = clock(database_url, alice)

    [again] = applied(alice, delete(task) | {"if_match": task["updated_at"]})

    assert again == first
    assert clock(database_url, alice) == before


def test_an_id_may_stand_once(alice: User) -> None:
    one, two = alice.add(), alice.add()

    response = send(alice, delete(one), delete(two), update(one, title="x"), restore(one))

    assert response.status_code == 422
    assert [(e["loc"], e["code"]) for e in response.json()["errors"]] == [
        (["body", "operations", number, "id"], "repeated") for number in (2, 3)
    ]


def test_the_number_of_live_tasks_is_exact(alice: User, database_url: str) -> None:
    one, two = applied(alice, create(), create())
    assert clock(database_url, alice)[1] == 2
    applied(alice, delete(one), create(), update(two, title="x"))
    assert clock(database_url, alice)[1] == 2
    applied(alice, restore(one), delete(two))
    assert clock(database_url, alice)[1] == 2
    applied(alice, delete(two), delete(one))
    assert clock(database_url, alice)[1] == 1 == len(alice.all())


@pytest.fixture
def limited(database_url: str) -> Iterator[User]:
    """A user who may have three tasks, and has two."""
    with user_of_new_api(database_url, max_tasks_per_user=3) as user:
        user.add("one")
        user.add("two")
        yield user


def test_the_limit_of_tasks_counts_the_net_result(limited: User) -> None:
    one, _ = limited.all()

    refused = send(limited, create(), create())
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_tasks")
    assert len(limited.all()) == 2
    applied(limited, create(), create(), delete(one))
    assert send(limited, restore(one)).status_code == 422
    applied(limited, restore(one), delete(limited.all()[0]))
    assert len(limited.all()) == 3


def test_a_repeated_batch_applies_nothing_and_answers_its_tasks_as_they_are(alice: User) -> None:
    task, other = alice.add(), alice.add()
    operations = [create("new"), update(task, title="changed"), delete(other)]
    first = applied(alice, *operations, key="k")
    [changed] = applied(alice, update(first[0], title="changed since"))
    [restored] = applied(alice, restore(other))

    response = send(alice, *operations, key="k")

    assert response.status_code == 200
    assert response.headers["Idempotency-Replayed"] == "true"
    assert response.json()["tasks"] == [changed, first[1], restored]
    assert len(alice.all()) == 3


def test_the_form_of_a_repeated_batch_does_not_matter(alice: User) -> None:
    task = alice.add()
    first = applied(alice, create("new"), update(task, description=None), key="k")
    same = [
        {"task": {"priority": "medium", "title": "new", "tags": []}, "op": "create"},
        {"changes": {"description": None}, "op": "update", "id": task["id"]},
    ]

    assert applied(alice, *same, key="k") == first


@pytest.mark.parametrize(
    "other",
    [
        [create("other")],
        [create("new"), create("new")],
        [create("new", description="")],
    ],
    ids=str,
)
def test_a_key_with_another_batch_is_422(alice: User, other: list[Operation]) -> None:
    applied(alice, create("new"), key="k")

    response = send(alice, *other, key="k")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_mismatch")
    assert len(alice.all()) == 1


def test_an_update_that_clears_is_another_batch_than_one_that_does_not(alice: User) -> None:
    task = alice.add()
    applied(alice, update(task, title="x", description=None), key="k")

    assert send(alice, update(task, title="x"), key="k").status_code == 422


def test_a_refused_batch_frees_its_key(alice: User) -> None:
    refused = send(alice, create(), delete({"id": 2**62}), key="k")
    [made] = applied(alice, create(), key="k")

    assert refused.status_code == 404
    assert [task["id"] for task in alice.all()] == [made["id"]]


def test_keys_of_batches_and_of_creates_are_apart(alice: User) -> None:
    single = alice.post(alice.tasks, json={"title": "new"}, headers={"Idempotency-Key": "k"})
    response = send(alice, create("new"), key="k")

    assert (single.status_code, response.status_code) == (201, 200)
    assert "Idempotency-Replayed" not in response.headers
    assert len(alice.all()) == 2


def test_a_key_is_forgotten_after_30_days(alice: User, database_url: str) -> None:
    for key in ("old", "also-old"):
        applied(alice, create(key), key=key)
    administer(database_url, OLD, user=alice.user_id)
    applied(alice, create("again"), key="old")

    assert [task["title"] for task in alice.all()] == ["again", "also-old", "old"]
    assert administer(database_url, KEYS, user=alice.user_id) == [("old",)]


def test_without_a_trash_a_delete_erases(database_url: str) -> None:
    with user_of_new_api(database_url, trash_days=0) as user:
        task = user.add()
        [erased, made] = applied(user, delete(task), create(), key="k")

        assert erased is None
        assert send(user, delete(task)).status_code == 404
        assert applied(user, delete(task), create(), key="k") == [None, made]
        at, purged, live = administer(
            database_url,
            "SELECT at, purged, live FROM task_clock WHERE user_id = %(user)s",
            user=user.user_id,
        )[0]
        assert (at, live) == (purged, 1)


def test_a_batch_of_100_in_almost_1_mib_is_applied(alice: User) -> None:
    operations = [create(f"{number}", description="\U0001f600" * 2500) for number in range(100)]

    found = applied(alice, *operations)

    assert [task["title"] for task in found] == [f"{number}" for number in range(100)]
    assert sorted(task["id"] for task in found) == [task["id"] for task in found]


def test_the_first_batch_of_a_new_user_makes_the_user(alice: User, database_url: str) -> None:
    applied(alice, create(), create())

    rows = administer(database_url, 'SELECT id FROM "user" WHERE id = %(user)s', user=alice.user_id)
    assert rows == [(alice.user_id,)]


def test_a_batch_of_an_unknown_user_is_401_where_users_are_required(database_url: str) -> None:
    with user_of_new_api(database_url, auth_user_provisioning="require") as user:
        assert send(user, create()).status_code == 401
        assert send(user, delete({"id": 1})).status_code == 404
