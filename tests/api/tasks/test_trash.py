"""The trash: restoring and erasing what was deleted, and the limit of live tasks."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from api.tasks import trash
from tests.support.database.row_level_security import administer
from tests.support.http.client import User, user_of_new_api

AGE = """
    UPDATE task SET deleted_at = deleted_at - %(days)s * interval '1 day'
    WHERE user_id = %(user)s AND deleted_at IS NOT NULL
"""
ROWS = "SELECT count(*) FROM task WHERE user_id = %(user)s"
CLOCK = """
    SELECT to_json(at)#>>'{}', to_json(purged)#>>'{}', live FROM task_clock
    WHERE user_id = %(user)s
"""


@pytest.fixture
def alice(base_url: str) -> Iterator[User]:
    """A user without tasks."""
    with User(base_url, f"user-{uuid4().hex}") as user:
        yield user


def deleted(user: User, number: int = 1) -> list[dict[str, Any]]:
    """New tasks in the trash, in the order of their deletion, as they were."""
    return [user.delete(user.one(user.add()["id"])).json() for _ in range(number)]


def trash_of(user: User, **query: Any) -> list[dict[str, Any]]:
    """A page of the user's trash."""
    response = user.get(f"{user.tasks}/trash", params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


def clock_of(url: str, user: User) -> tuple[str, str, int]:
    """The version, the purged version and the number of live tasks."""
    [(at, purged, live)] = administer(url, CLOCK, user=user.user_id)
    return at, purged, live


def erase_path(user: User, task: dict[str, Any]) -> str:
    """The path of a task in the trash."""
    return f"{user.tasks}/trash/{task['id']}"


def test_a_deleted_task_lies_in_the_trash_under_a_new_version(alice: User) -> None:
    task = alice.add("of value", tags=["a"], due_date="2027-01-01")

    answered = alice.delete(alice.one(task["id"]))
    [gone] = trash_of(alice)

    assert answered.json() == task
    assert gone["updated_at"] == gone["deleted_at"] > task["updated_at"]
    assert gone == task | {name: gone[name] for name in ("updated_at", "deleted_at")}
    assert alice.all() == []


def test_the_trash_is_paged_newest_first(alice: User) -> None:
    tasks = [task["id"] for task in deleted(alice, 5)]
    pages, path = [], f"{alice.tasks}/trash?limit=2"
    while path:
        page = alice.get(path)
        pages.append([task["id"] for task in page.json()])
        link = page.headers.get("Link", "<>")
        path = link[1 : link.index(">")]

    assert pages == [tasks[:2:-1], tasks[2:0:-1], tasks[:1]]


def test_a_cursor_of_a_list_is_not_one_of_the_trash(alice: User) -> None:
    alice.add()
    alice.add()
    link = alice.get(alice.tasks, params={"limit": 1}).headers["Link"]
    cursor = link[link.index("cursor=") + 7 : link.index(">")]

    refused = alice.get(f"{alice.tasks}/trash", params={"cursor": cursor})

    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["query", "cursor"])


def test_a_restored_task_is_as_it_was_under_a_new_version(alice: User) -> None:
    [task] = deleted(alice)
    restored = alice.post(f"{alice.one(task['id'])}/restore").json()

    assert restored == task | {"updated_at": restored["updated_at"]}
    assert restored["updated_at"] > task["updated_at"]
    assert alice.all() == [restored]
    assert trash_of(alice) == []


@pytest.mark.parametrize("body", ["{}", "null"])
def test_an_empty_object_or_null_is_taken_for_no_body(alice: User, body: str) -> None:
    task = alice.add()
    path = f"{alice.tasks}/{task['id']}"
    sent = [("DELETE", path), ("POST", f"{path}/restore"), ("DELETE", path)]

    for method, target in [*sent, ("DELETE", f"{alice.tasks}/trash/{task['id']}")]:
        assert alice.request(method, target, content=body).status_code == 200


def test_what_is_not_in_the_trash_is_neither_restored_nor_erased(alice: User) -> None:
    live = alice.add()
    [erased] = deleted(alice)
    assert alice.delete(erase_path(alice, erased)).status_code == 200

    for task in (live, erased):
        for refused in (
            alice.post(f"{alice.one(task['id'])}/restore"),
            alice.delete(erase_path(alice, task)),
        ):
            assert (refused.status_code, refused.json()["code"]) == (404, "task_not_found")
            assert refused.json()["detail"] == "There is no such task in the trash."
    assert alice.all() == [live]


def test_an_erased_task_leaves_nothing_but_its_version(alice: User, database_url: str) -> None:
    deleted(alice)
    [gone] = trash_of(alice)
    tag = alice.get(f"{alice.tasks}/trash").headers["ETag"]

    answered = alice.delete(erase_path(alice, gone))

    assert answered.json() == gone
    assert administer(database_url, ROWS, user=alice.user_id) == [(0,)]
    at, purged, live = clock_of(database_url, alice)
    assert (purged, live) == (gone["updated_at"], 0)
    assert at > purged
    assert alice.get(f"{alice.tasks}/trash", headers={"If-None-Match": tag}).json() == []


def test_purged_is_the_newest_erased_version_whatever_the_order(
    alice: User, database_url: str
) -> None:
    deleted(alice, 3)
    newest, middle, oldest = trash_of(alice)
    for task in (middle, oldest):
        alice.delete(erase_path(alice, task))
        assert clock_of(database_url, alice)[1] == middle["updated_at"]
    alice.delete(erase_path(alice, newest))

    assert clock_of(database_url, alice)[1] == newest["updated_at"]


def test_a_key_makes_a_new_task_after_its_task_was_erased(alice: User) -> None:
    key = {"Idempotency-Key": "k"}
    first = alice.post(alice.tasks, json={"title": "one"}, headers=key).json()
    alice.delete(alice.one(first["id"]))
    alice.delete(erase_path(alice, first))

    again = alice.post(alice.tasks, json={"title": "two"}, headers=key)

    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers


def test_old_tasks_are_hidden_and_erased_with_the_next_delete(
    alice: User, database_url: str
) -> None:
    [old, older] = deleted(alice, 2)
    versions = [task["updated_at"] for task in trash_of(alice)]
    administer(database_url, AGE, user=alice.user_id, days=30)
    [young] = deleted(alice)
    assert [task["id"] for task in trash_of(alice)] == [young["id"]]
    live = alice.add()
    assert administer(database_url, ROWS, user=alice.user_id) == [(2,)]

    assert clock_of(database_url, alice)[1] == versions[0]
    for task in (old, older):
        assert alice.post(f"{alice.one(task['id'])}/restore").status_code == 404
        assert alice.delete(erase_path(alice, task)).status_code == 404
    assert alice.all() == [live]


def test_a_task_is_hidden_as_soon_as_it_is_too_old(alice: User, database_url: str) -> None:
    [task] = deleted(alice)
    deleted(alice)
    administer(database_url, AGE, user=alice.user_id, days=29)
    tag = alice.get(f"{alice.tasks}/trash").headers["ETag"]
    assert len(trash_of(alice)) == 2
    administer(
        database_url,
        AGE + " AND id = %(id)s",
        user=alice.user_id,
        days=1,
        id=task["id"],
    )

    # No write of the user moved the clock.
    assert len(alice.get(f"{alice.tasks}/trash", headers={"If-None-Match": tag}).json()) == 1
    assert alice.post(f"{alice.one(task['id'])}/restore").status_code == 404
    assert alice.delete(erase_path(alice, task)).status_code == 404


def test_a_refused_delete_erases_nothing(alice: User, database_url: str) -> None:
    deleted(alice)
    live = alice.add()
    administer(database_url, AGE, user=alice.user_id, days=30)

    assert alice.delete(alice.one(2**63 - 1)).status_code == 404
    assert alice.delete(alice.one(live["id"]), headers={"If-Match": '"old"'}).status_code == 412

    assert administer(database_url, ROWS, user=alice.user_id) == [(2,)]


def test_a_delete_erases_a_limited_number(
    alice: User, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted(alice, 5)
    administer(database_url, AGE, user=alice.user_id, days=30)
    monkeypatch.setattr(trash, "MOST_ERASED", 2)
    trash.remove.cache_clear()

    deleted(alice)

    trash.remove.cache_clear()
    assert administer(database_url, ROWS, user=alice.user_id) == [(4,)]


@pytest.mark.parametrize("if_match", [None, "*"])
def test_without_days_a_delete_erases_at_once(database_url: str, if_match: str | None) -> None:
    headers = {"If-Match": if_match} if if_match else {}
    with user_of_new_api(database_url, trash_days=30) as with_trash:
        [of_before] = deleted(with_trash)
        task = with_trash.add()
        with user_of_new_api(database_url, trash_days=0) as without:
            without.headers["Authorization"] = with_trash.headers["Authorization"]
            answered = without.delete(with_trash.one(task["id"]), headers=headers)
            assert answered.json() == task
            assert without.get(f"{with_trash.tasks}/trash").json() == []
            again = without.post(f"{with_trash.one(of_before['id'])}/restore")
            assert again.status_code == 404
        at, purged, live = clock_of(database_url, with_trash)

        assert (at, live) == (purged, 0)
        assert administer(database_url, ROWS, user=with_trash.user_id) == [(0,)]


@contextmanager
def limited(database_url: str, most: int) -> Iterator[User]:
    """A user who may have so many tasks."""
    with user_of_new_api(
        database_url, max_tasks_per_user=most, pool_wait_seconds=10, request_deadline_seconds=30
    ) as user:
        yield user


def test_more_tasks_than_allowed_are_refused(database_url: str) -> None:
    with limited(database_url, 2) as user:
        first = user.add()
        user.post(user.tasks, json={"title": "b"}, headers={"Idempotency-Key": "k"})
        full = user.post(user.tasks, json={"title": "c"})
        tag = user.get(user.tasks).headers["ETag"]
        replayed = user.post(user.tasks, json={"title": "b"}, headers={"Idempotency-Key": "k"})
        user.delete(user.one(first["id"]))
        user.add()
        restored = user.post(f"{user.one(first['id'])}/restore")

        assert (full.status_code, full.json()["code"]) == (422, "too_many_tasks")
        assert full.json()["errors"][0]["loc"] == ["body"]
        assert (replayed.status_code, replayed.headers["idempotency-replayed"]) == (201, "true")
        assert replayed.headers["ETag"] != tag
        assert (restored.status_code, restored.json()["code"]) == (422, "too_many_tasks")
        assert len(user.all()) == 2
        assert len(trash_of(user)) == 1


def test_without_a_limit_any_number_is_allowed(database_url: str) -> None:
    with limited(database_url, 0) as user:
        user.add()
        [task] = deleted(user)
        assert user.post(f"{user.one(task['id'])}/restore").status_code == 200


def test_the_limit_is_exact_while_many_create_delete_and_restore(database_url: str) -> None:
    with limited(database_url, 10) as user:
        tasks = deleted(user, 10)
        with ThreadPoolExecutor(16) as threads:
            made = threads.map(
                lambda n: user.post(user.tasks, json={"title": f"{n}"}).status_code, range(20)
            )
            back = threads.map(
                lambda task: user.post(f"{user.one(task['id'])}/restore").status_code, tasks
            )
            statuses = Counter([*made, *back])

        assert statuses[201] + statuses[200] == len(user.all()) == 10
        assert statuses[422] == 20
        assert clock_of(database_url, user)[2] == 10


def test_a_task_is_restored_or_erased_and_deleted_again_by_one_each(
    alice: User, database_url: str
) -> None:
    [task] = deleted(alice)
    paths = [("POST", f"{alice.one(task['id'])}/restore"), ("DELETE", alice.one(task["id"]))] * 20
    with ThreadPoolExecutor(8) as threads:
        statuses = [*threads.map(lambda sent: alice.request(*sent).status_code, paths)]
    applied = [method for (method, _), status in zip(paths, statuses, strict=True) if status == 200]

    live = len(alice.all())
    assert Counter(applied)["POST"] - Counter(applied)["DELETE"] == live
    assert clock_of(database_url, alice)[2] == live
    assert live + len(trash_of(alice)) == 1
