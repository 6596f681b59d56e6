"""The feed of changes: each latest change once, in order, and 410 where one may be missing."""

from typing import Any

import httpx2 as httpx
import pytest

from api.tasks.feed_position import BEGINNING, Position, decode
from tests.support.database.row_level_security import administer
from tests.support.http.client import User, user_of_new_api

ERASE = """
WITH erased AS (
    DELETE FROM task WHERE user_id = %(user)s AND deleted_at IS NOT NULL RETURNING updated_at
)
UPDATE task_clock SET purged = greatest(purged, (SELECT max(updated_at) FROM erased))
WHERE user_id = %(user)s
"""
SET_BACK = "UPDATE task_clock SET at = at - interval '1 hour' WHERE user_id = %(user)s"
REMOVE = 'DELETE FROM "user" WHERE id = %(user)s'


def ask(user: User, since: str | None = None, **query: Any) -> httpx.Response:
    """The answer to a request for changes."""
    position = {} if since is None else {"since": since}
    return user.get(f"{user.tasks}/changes", params=position | query)


def page(user: User, since: str | None = None, **query: Any) -> dict[str, Any]:
    """A page of changes."""
    response = ask(user, since, **query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    assert set(found) == {"changes", "next", "more"}
    return found


def follow(user: User, since: str | None = None, **query: Any) -> tuple[list[dict[str, Any]], str]:
    """All changes after a position, and the position after them."""
    found = page(user, since, **query)
    changes = found["changes"]
    while found["more"]:
        assert found["changes"]
        found = page(user, found["next"], **query)
        changes += found["changes"]
    return changes, found["next"]


def ids(changes: list[dict[str, Any]]) -> list[int]:
    """The ids of these changes."""
    return [change["id"] for change in changes]


def batch(user: User, *operations: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks after a batch."""
    response = user.post(f"{user.tasks}/batch", json={"operations": operations})
    assert response.status_code == 200, response.text
    tasks: list[dict[str, Any]] = response.json()["tasks"]
    return tasks


def test_without_since_every_live_task_comes_in_the_order_of_versions(alice: User) -> None:
    one, two, three = (alice.add(title) for title in ("one", "two", "three"))
    one = alice.patch(alice.one(one["id"]), json={"title": "changed"}).json()
    alice.delete(alice.one(two["id"]))

    found = page(alice)

    assert found["changes"] == [three | {"deleted": False}, one | {"deleted": False}]
    assert found["more"] is False


def test_since_an_answer_only_what_changed_comes(alice: User) -> None:
    kept, changed, deleted = (alice.add(title) for title in ("kept", "changed", "deleted"))
    _, since = follow(alice)
    changed = alice.patch(alice.one(changed["id"]), json={"title": "x"}).json()
    alice.delete(alice.one(deleted["id"]))
    new = alice.add("new")

    changes, after = follow(alice, since)

    assert changes[0] == changed | {"deleted": False}
    assert {**changes[1], "updated_at": ""} == {
        "id": deleted["id"],
        "deleted": True,
        "updated_at": "",
    }
    assert changes[2] == new | {"deleted": False}
    assert kept["id"] not in ids(changes)
    assert follow(alice, after) == ([], after)


def test_earlier_changes_of_a_task_are_merged(alice: User) -> None:
    task = alice.add()
    _, since = follow(alice)
    for title in ("x", "y", "z"):
        alice.patch(alice.one(task["id"]), json={"title": title})

    [change], _ = follow(alice, since)

    assert change["title"] == "z"


def test_a_restored_task_comes_again(alice: User) -> None:
    task = alice.add()
    alice.delete(alice.one(task["id"]))
    _, since = follow(alice)
    [restored] = batch(alice, {"op": "restore", "id": task["id"]})

    [change], _ = follow(alice, since)

    assert (change["deleted"], change["updated_at"]) == (False, restored["updated_at"])


@pytest.mark.parametrize("limit", [1, 7, 20])
def test_the_tasks_of_one_batch_come_once_across_pages(alice: User, limit: int) -> None:
    _, since = follow(alice)
    made = batch(alice, *[{"op": "create", "task": {"title": "new"}}] * 20)

    changes, _ = follow(alice, since, limit=limit)

    assert ids(changes) == ids(made)
    assert len({change["updated_at"] for change in changes}) == 1


def test_a_page_ends_at_its_limit(alice: User) -> None:
    for _ in range(3):
        alice.add()

    first = page(alice, limit=2)
    last = page(alice, first["next"], limit=2)

    assert (len(first["changes"]), first["more"]) == (2, True)
    assert (len(last["changes"]), last["more"]) == (1, False)
    assert page(alice, limit=3)["more"] is False


def test_a_page_ends_at_about_1_mib(alice: User) -> None:
    batch(alice, *[{"op": "create", "task": {"title": "a", "description": "\u00e9" * 5000}}] * 100)
    batch(alice, *[{"op": "create", "task": {"title": "a", "description": "\u00e9" * 5000}}] * 20)

    response = ask(alice)
    changes, _ = follow(alice)

    assert 2**20 - 20_000 < len(response.content) < 2**20 + 1000
    assert response.json()["more"] is True
    assert len(changes) == len({*ids(changes)}) == 120


def test_next_is_the_clock_and_not_the_last_row(alice: User, database_url: str) -> None:
    kept, erased = alice.add(), alice.add()
    _, since = follow(alice)
    alice.delete(alice.one(erased["id"]))
    _, after = follow(alice, since)
    administer(database_url, ERASE, user=alice.user_id)

    everything, restarted = follow(alice)

    assert ids(everything) == [kept["id"]]
    for position in (after, restarted):
        assert follow(alice, position)[0] == []


def test_what_misses_an_erased_tombstone_is_410(alice: User, database_url: str) -> None:
    task = alice.add()
    _, since = follow(alice)
    alice.delete(alice.one(task["id"]))
    assert ids(follow(alice, since)[0]) == [task["id"]]
    administer(database_url, ERASE, user=alice.user_id)

    response = ask(alice, since)

    assert (response.status_code, response.json()["code"]) == (410, "resync_required")
    assert follow(alice)[0] == []


def test_a_position_within_a_version_of_which_a_tombstone_was_erased_is_410(
    alice: User, database_url: str
) -> None:
    tasks = [alice.add() for _ in range(3)]
    _, since = follow(alice)
    batch(alice, *({"op": "delete", "id": task["id"]} for task in tasks))
    first = page(alice, since, limit=1)
    administer(database_url, ERASE, user=alice.user_id)

    assert ask(alice, first["next"]).status_code == 410


def test_a_position_before_the_clock_was_set_back_is_410(alice: User, database_url: str) -> None:
    alice.add()
    alice.add()
    _, since = follow(alice)
    within = page(alice, limit=1)["next"]
    administer(database_url, SET_BACK, user=alice.user_id)

    assert ask(alice, since).status_code == 410
    assert ask(alice, within).status_code == 410


def test_a_user_without_tasks_begins_at_the_beginning(alice: User) -> None:
    changes, since = follow(alice)
    assert (changes, decode(since)) == ([], BEGINNING)
    assert follow(alice, since) == ([], since)

    task = alice.add()

    assert ids(follow(alice, since)[0]) == [task["id"]]


def test_an_account_that_was_deleted_and_made_again_is_410(alice: User, database_url: str) -> None:
    alice.add()
    _, since = follow(alice)
    administer(database_url, REMOVE, user=alice.user_id)
    assert ask(alice, since).status_code == 410
    assert follow(alice)[0] == []

    task = alice.add()

    assert ask(alice, since).status_code == 410
    assert ids(follow(alice)[0]) == [task["id"]]


def test_a_fresh_start_sees_what_is_deleted_while_it_pages(alice: User) -> None:
    tasks = [alice.add() for _ in range(5)]
    first = page(alice, limit=2)
    alice.delete(alice.one(tasks[0]["id"]))  # seen
    alice.delete(alice.one(tasks[4]["id"]))  # not seen yet

    rest, _ = follow(alice, first["next"], limit=2)

    gone = {change["id"] for change in rest if change["deleted"]}
    assert {tasks[0]["id"]} <= gone <= {tasks[0]["id"], tasks[4]["id"]}
    assert {change["id"] for change in rest if not change["deleted"]} == {
        task["id"] for task in tasks[2:4]
    }


def test_a_fresh_start_goes_on_after_an_erasure_of_what_was_deleted_before(
    alice: User, database_url: str
) -> None:
    before = alice.add()
    tasks = [alice.add() for _ in range(3)]
    alice.delete(alice.one(before["id"]))
    first = page(alice, limit=1)
    administer(database_url, ERASE, user=alice.user_id)

    rest, _ = follow(alice, first["next"], limit=1)

    assert ids(first["changes"] + rest) == ids(tasks)


def test_a_fresh_start_misses_nothing_that_is_erased_while_it_pages(
    alice: User, database_url: str
) -> None:
    tasks = [alice.add() for _ in range(3)]
    first = page(alice, limit=1)
    alice.delete(alice.one(tasks[0]["id"]))
    administer(database_url, ERASE, user=alice.user_id)

    assert ask(alice, first["next"]).status_code == 410


def test_the_position_of_another_user_shows_own_tasks_only(alice: User, bob: User) -> None:
    alice.add()
    _, since = follow(alice)
    task = bob.add()

    response = ask(bob, since)

    changes = response.json().get("changes", [])
    assert {change["user_id"] for change in changes} <= {bob.user_id}
    assert ids(changes) in ([], [task["id"]])


def test_without_a_trash_a_delete_is_410_for_who_has_not_seen_it(database_url: str) -> None:
    with user_of_new_api(database_url, trash_days=0) as user:
        task = user.add()
        user.add()
        _, since = follow(user)
        batch(user, {"op": "delete", "id": task["id"]})

        assert ask(user, since).status_code == 410
        assert len(follow(user)[0]) == 1


def conditional(user: User, since: str | None, tag: str) -> httpx.Response:
    """The answer to a request for changes by a client that has this tag."""
    position = {} if since is None else {"since": since}
    headers = {"If-None-Match": tag}
    return user.get(f"{user.tasks}/changes", params=position, headers=headers)


@pytest.mark.parametrize("has_task", [True, False])
def test_a_known_answer_is_304_until_something_changes(alice: User, *, has_task: bool) -> None:
    if has_task:
        alice.add()
    _, since = follow(alice)
    for position in (None, since):
        tag = ask(alice, position).headers["ETag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            response = conditional(alice, position, known)
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["ETag"] == tag
        assert conditional(alice, position, '"other"').status_code == 200
        assert conditional(alice, position, "junk").status_code == 200
    alice.add()

    assert conditional(alice, since, tag).status_code == 200
    assert len(conditional(alice, since, tag).json()["changes"]) == 1


def test_what_must_start_afresh_is_410_even_if_the_clock_did_not_move(
    alice: User, database_url: str
) -> None:
    task = alice.add()
    _, since = follow(alice)
    alice.delete(alice.one(task["id"]))
    tag = ask(alice, since).headers["ETag"]
    administer(database_url, ERASE, user=alice.user_id)

    assert conditional(alice, since, tag).status_code == 410


@pytest.mark.parametrize("start", [None, "2026-11-28T09:30:00.123456+00:00"])
@pytest.mark.parametrize("task_id", [1, 2**63 - 1])
def test_a_position_survives_its_text(start: str | None, task_id: int) -> None:
    position = Position("2026-11-27T09:30:00.123456+00:00", task_id, start)

    assert decode(position.encode()) == position


def test_the_text_of_positions_is_stable_across_releases() -> None:
    """Clients keep them: a release that reads no text of an earlier one breaks every device."""
    kept = "WzEsIjIwMjYtMTEtMjhUMDk6MzA6MDAuMTIzNDU2KzAwOjAwIiw3LG51bGxd"

    assert decode(kept) == Position("2026-11-28T09:30:00.123456+00:00", 7)
    assert Position("2026-11-28T09:30:00.123456+00:00", 7).encode() == kept
