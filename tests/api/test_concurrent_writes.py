"""Concurrent writes have the result of some serial order."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.support.database.row_level_security import administer
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

MANY = 50
# Long limits, since these tests are about results, not about time.
LONG_LIMITS = {
    "pool_wait_seconds": 10,
    "statement_timeout_seconds": 10,
    "database_deadline_seconds": 20,
    "request_deadline_seconds": 30,
}
# The state after the clock was set back by an hour.
AHEAD = """
    UPDATE task SET updated_at = now() + interval '1 hour' WHERE user_id = %(user)s;
    UPDATE task_clock SET at = now() + interval '1 hour' WHERE user_id = %(user)s
"""


@pytest.fixture(scope="module")
def patient(database_url: str) -> Iterator[str]:
    """A server that lets requests wait."""
    with serve(make_settings(database_url=database_url, **LONG_LIMITS)) as url:
        yield url


@pytest.fixture
def alice(patient: str) -> Iterator[User]:
    """A user whom the database does not know yet."""
    with User(patient, f"user-{uuid4().hex}") as user:
        yield user


@pytest.fixture
def bob(patient: str) -> Iterator[User]:
    """Another one."""
    with User(patient, f"user-{uuid4().hex}") as user:
        yield user


def at_once(number: int, send: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """The answers to requests that start together; ``send`` gets the number of each."""
    barrier = Barrier(number)

    def start(n: int) -> httpx.Response:
        barrier.wait()
        return send(n)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(start, range(number)))


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    """How often each status came."""
    return Counter(answer.status_code for answer in answers)


def written(task: dict[str, Any]) -> datetime:
    """When the task was last changed."""
    return datetime.fromisoformat(task["updated_at"])


def in_order(answers: list[httpx.Response]) -> list[dict[str, Any]]:
    """The tasks of the answers in the order in which they were written."""
    return sorted((answer.json() for answer in answers), key=written)


def create(user: User, title: str = "a task", key: str | None = None) -> httpx.Response:
    """Create a task, with an Idempotency-Key or without."""
    headers = {"Idempotency-Key": key} if key else {}
    return user.post(user.tasks, json={"title": title}, headers=headers)


@pytest.mark.parametrize("number", [MANY, MANY + 1])
def test_parallel_toggles_are_all_applied(number: int, alice: User) -> None:
    path = alice.one(alice.add()["id"]) + "/complete"
    answers = at_once(number, lambda _: alice.patch(path))

    assert statuses(answers) == {200: number}
    assert alice.all()[0]["completed"] is (number % 2 == 1)
    assert [t["completed"] for t in in_order(answers)] == [n % 2 == 0 for n in range(number)]


def test_parallel_updates_get_increasing_timestamps_even_after_a_clock_step(
    alice: User, database_url: str
) -> None:
    path = alice.one(alice.add()["id"])
    administer(database_url, AHEAD, user=alice.user_id)
    before = alice.get(path)
    answers = at_once(MANY, lambda n: alice.put(path, json={"title": f"{n}"}))
    tasks = in_order([before, *answers])

    assert statuses(answers) == {200: MANY}
    assert len({written(task) for task in tasks}) == MANY + 1
    assert tasks[0] == before.json()
    assert tasks[-1] == alice.get(path).json()


def test_parallel_updates_of_different_members_are_all_kept(alice: User) -> None:
    path = alice.one(alice.add()["id"])
    new = {"title": "new", "description": "new", "priority": "high", "tags": ["new"]}
    members = [*new] * 10
    answers = at_once(40, lambda n: alice.patch(path, json={members[n]: new[members[n]]}))

    assert statuses(answers) == {200: 40}
    assert alice.get(path).json() | new == alice.get(path).json()


def test_parallel_creates_each_make_one_task(alice: User) -> None:
    alice.add("the first")
    answers = at_once(MANY, lambda n: create(alice, f"{n}"))

    assert statuses(answers) == {201: MANY}
    assert {task["title"] for task in alice.all()} == {"the first", *map(str, range(MANY))}
    assert len(alice.all()) == MANY + 1


def test_parallel_first_creates_of_a_new_user_all_succeed(alice: User) -> None:
    answers = at_once(MANY, lambda _: create(alice))

    assert statuses(answers) == {201: MANY}
    assert len(alice.all()) == MANY


def test_parallel_creates_with_one_key_make_one_task(alice: User) -> None:
    key = uuid4().hex
    answers = at_once(MANY, lambda _: create(alice, key=key))
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]

    assert statuses(answers) == {201: MANY}
    assert Counter(replayed) == {None: 1, "true": MANY - 1}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert alice.all() == [answers[0].json()]


def test_parallel_creates_with_one_key_and_two_bodies_make_one_task(alice: User) -> None:
    key = uuid4().hex
    answers = at_once(MANY, lambda n: create(alice, f"{n % 2}", key))
    lost = [answer.json()["code"] for answer in answers if answer.status_code != 201]

    assert statuses(answers) == {201: MANY // 2, 422: MANY // 2}
    assert set(lost) == {"idempotency_mismatch"}
    assert len(alice.all()) == 1
    assert {answer.json().get("title") for answer in answers} == {
        alice.all()[0]["title"],
        "Unprocessable Content",
    }


def test_two_users_with_the_same_key_get_one_task_each(alice: User, bob: User) -> None:
    key = uuid4().hex
    answers = at_once(20, lambda n: create((alice, bob)[n % 2], key=key))

    assert statuses(answers) == {201: 20}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 2
    assert [task["user_id"] for task in alice.all() + bob.all()] == [alice.user_id, bob.user_id]


def test_exactly_one_of_parallel_deletes_succeeds(alice: User) -> None:
    task = alice.add()
    answers = at_once(MANY, lambda _: alice.delete(alice.one(task["id"])))
    deleted = [answer.json() for answer in answers if answer.status_code == 200]

    assert statuses(answers) == {200: 1, 404: MANY - 1}
    assert deleted == [task]
    assert alice.all() == []
