"""Concurrent batches are applied whole or not at all, one after the other, without deadlocks."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.api.test_concurrent_writes import LONG_LIMITS, MANY, at_once
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

TASKS = 10
# So many creates take long enough for batches to overlap.
SLOW = 60


@pytest.fixture(scope="module")
def patient(database_url: str) -> Iterator[str]:
    """A server that lets requests wait."""
    with serve(make_settings(database_url=database_url, **LONG_LIMITS)) as url:
        yield url


@pytest.fixture
def alice(patient: str) -> Iterator[User]:
    """A user with ten tasks."""
    with User(patient, f"user-{uuid4().hex}") as user:
        for _ in range(TASKS):
            user.add("before")
        yield user


def created(title: str) -> list[dict[str, Any]]:
    """Operations that create tasks."""
    return [{"op": "create", "task": {"title": title}}] * SLOW


def pages(user: User) -> Iterator[dict[str, Any]]:
    """All live tasks."""
    found = user.get(f"{user.tasks}/changes").json()
    while found["changes"]:
        yield from found["changes"]
        found = user.get(f"{user.tasks}/changes", params={"since": found["next"]}).json()


def send(user: User, operations: list[dict[str, Any]], key: str | None = None) -> httpx.Response:
    """The answer to a batch."""
    headers = {"Idempotency-Key": key} if key else {}
    return user.post(f"{user.tasks}/batch", json={"operations": operations}, headers=headers)


def test_overlapping_batches_are_each_whole_or_not_at_all(alice: User) -> None:
    tasks = alice.all()
    drawn = random.Random(5)
    batches = [drawn.sample(tasks, 5) for _ in range(MANY)]

    def operations(n: int) -> list[dict[str, Any]]:
        updates = [
            {"op": "update", "id": task["id"], "changes": {"title": f"{n}"}} for task in batches[n]
        ]
        if n % 2:  # the last operation is refused as soon as another batch was faster
            updates[-1]["if_match"] = batches[n][-1]["updated_at"]
        return [*created(f"new {n}"), *updates]

    answers = at_once(MANY, lambda n: send(alice, operations(n)))

    assert {answer.status_code for answer in answers} == {200, 412}
    applied = [(n, answer.json()["tasks"]) for n, answer in enumerate(answers) if answer.is_success]
    expected = {task["id"]: "before" for task in tasks}
    for n, found in sorted(applied, key=lambda pair: pair[1][0]["updated_at"]):
        assert len({task["updated_at"] for task in found}) == 1
        assert n % 2 == 0 or expected[batches[n][-1]["id"]] == "before"
        expected |= {task["id"]: f"{n}" for task in batches[n]}
        expected |= {task["id"]: f"new {n}" for task in found[:SLOW]}
    assert len({found[0]["updated_at"] for _, found in applied}) == len(applied)
    kept = {task["id"]: task["title"] for task in pages(alice)}
    assert kept == expected


def test_one_key_at_once_is_applied_once(alice: User) -> None:
    key = uuid4().hex
    new = created("new")

    answers = at_once(MANY, lambda _: send(alice, new, key))

    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert Counter(replayed) == {None: 1, "true": MANY - 1}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert len(alice.all()) == TASKS + SLOW


def test_the_limit_of_tasks_is_exact_under_concurrency(database_url: str) -> None:
    settings = make_settings(database_url=database_url, max_tasks_per_user=200, **LONG_LIMITS)
    with serve(settings) as url, User(url, f"user-{uuid4().hex}") as user:
        user.add()
        answers = at_once(MANY, lambda _: send(user, created("new")))

        assert Counter(answer.status_code for answer in answers) == {200: 3, 422: MANY - 3}
        assert len(user.all()) == 3 * SLOW + 1


def test_a_batch_that_deletes_and_one_that_restores_do_not_mix(alice: User) -> None:
    ids = [task["id"] for task in alice.all()]
    orders = [random.Random(n).sample(ids, TASKS) for n in range(MANY)]

    answers = at_once(
        MANY,
        lambda n: send(alice, [{"op": ("delete", "restore")[n % 2], "id": i} for i in orders[n]]),
    )

    assert {answer.status_code for answer in answers} <= {200, 404}
    assert len(alice.all()) in {0, TASKS}
