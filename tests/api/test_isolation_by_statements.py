"""The statements isolate users by themselves: row-level security is only the second wall."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.database.row_level_security import TABLES, administer
from tests.support.database.temporary_database import temporary_database
from tests.support.http.client import User
from tests.support.http.operations import Operation, is_problem, operations, user_ids_in
from tests.support.http.server import make_settings, serve

ALL = operations()


@pytest.fixture(scope="module")
def base(database_url: str) -> Iterator[str]:
    """An API on a database without row-level security."""
    with temporary_database(database_url) as url:
        for table in TABLES:
            administer(url, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        with serve(make_settings(database_url=url)) as base:
            yield base


@pytest.fixture(scope="module")
def alice(base: str) -> Iterator[User]:
    """The victim."""
    with User(base, f"alice-{uuid4().hex}") as user:
        yield user


@pytest.fixture(scope="module")
def bob(base: str) -> Iterator[User]:
    """The attacker."""
    with User(base, f"bob-{uuid4().hex}") as user:
        yield user


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_each_operation_answers_with_own_tasks_only(
    operation: Operation, alice: User, bob: User
) -> None:
    operation.task_of(alice)
    response = operation.send(bob, bob.user_id, operation.task_of(bob))

    assert response.status_code == operation.status
    assert user_ids_in(response) <= {bob.user_id}


@pytest.mark.parametrize("operation", [each for each in ALL if each.takes_id], ids=str)
def test_task_of_another_user_is_not_found(operation: Operation, alice: User, bob: User) -> None:
    bob.add()
    foreign = operation.task_of(alice)

    assert is_problem(operation.send(bob, bob.user_id, foreign), 404, "task_not_found")


@pytest.mark.parametrize("op", ["update", "delete", "restore"])
def test_batch_cannot_name_the_task_of_another_user(op: str, alice: User, bob: User) -> None:
    bob.add()
    foreign = alice.add()
    if op == "restore":
        alice.delete(alice.one(foreign["id"]))
    named = {"op": op, "id": foreign["id"]} | (
        {"changes": {"title": "b"}} if op == "update" else {}
    )

    response = bob.post(f"{bob.tasks}/batch", json={"operations": [named]})

    assert is_problem(response, 404, "task_not_found")


def test_no_write_moves_the_clock_of_another_user(alice: User, bob: User) -> None:
    alice.add()
    before = alice.get(f"{alice.tasks}/changes").headers["ETag"]
    for operation in ALL:
        operation.send(bob, bob.user_id, operation.task_of(bob))

    assert alice.get(f"{alice.tasks}/changes").headers["ETag"] == before
