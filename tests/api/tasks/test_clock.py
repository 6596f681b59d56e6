"""The clock of a user: which writes move it, in which order, and what it counts."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from httpx2 import Response

from api.database.statement import CompiledStatement
from api.tasks import clock
from tests.support.database.pool import ask
from tests.support.database.row_level_security import administer, send
from tests.support.http.client import User
from tests.support.waiting import wait_until

CLOCK = "SELECT to_json(at)#>>'{}', purged, live FROM task_clock WHERE user_id = %(user)s"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ %(user)s"
)
MISSING = 2**63 - 1


@pytest.fixture
def alice(base_url: str) -> Iterator[User]:
    """A user whom the database does not know yet."""
    with User(base_url, f"user-{uuid4().hex}") as user:
        yield user


def clock_of(url: str, user: User) -> tuple[Any, ...]:
    """The version, the purged version and the number of live tasks."""
    [row] = administer(url, CLOCK, user=user.user_id)
    return row


@contextmanager
def held(url: str, user_id: str) -> Iterator[Any]:
    """A cursor of another session that has locked the user's clock."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM task_clock WHERE user_id = %s FOR UPDATE", [user_id])
        yield cursor
        connection.commit()


def await_waiting(url: str, user_id: str) -> None:
    """Wait until a statement of the user waits for a lock."""
    wait_until(lambda: administer(url, WAITING, user=user_id) != [(0,)])


def test_each_write_gives_its_task_the_version_of_the_clock(alice: User, database_url: str) -> None:
    path = alice.one(alice.add()["id"])
    versions = []
    for method, target, body in (
        ("POST", alice.tasks, {"title": "another"}),
        ("PUT", path, {"title": "new"}),
        ("PATCH", path, {"completed": True}),
        ("PATCH", f"{path}/complete", {}),
    ):
        versions.append(alice.request(method, target, json=body).json()["updated_at"])
        assert clock_of(database_url, alice)[0] == versions[-1]
    before = alice.delete(path).json()
    versions.append(clock_of(database_url, alice)[0])

    assert before["updated_at"] == versions[-2]
    assert versions == sorted(set(versions))


def test_a_new_task_was_created_at_its_version(alice: User) -> None:
    task = alice.add(completed=True)

    assert task["created_at"] == task["completed_at"] == task["updated_at"]


def test_writes_that_change_nothing_leave_the_clock(alice: User, database_url: str) -> None:
    key = {"Idempotency-Key": "once"}
    alice.post(alice.tasks, json={"title": "a task"}, headers=key)
    path = alice.one(alice.add()["id"])
    alice.delete(path)
    before = clock_of(database_url, alice)

    for gone in (path, alice.one(MISSING)):
        every = {"If-Match": "*"}
        assert alice.put(gone, json={"title": "new"}, headers=every).status_code == 404
        assert alice.patch(f"{gone}/complete", headers=every).status_code == 404
        assert alice.delete(gone).status_code == 404
        assert alice.get(gone).status_code == 404
    alice.post(alice.tasks, json={"title": "a task"}, headers=key)
    alice.post(alice.tasks, json={"title": "other"}, headers=key)

    assert clock_of(database_url, alice) == before


def test_users_who_have_no_clock_have_no_tasks_to_change(alice: User, database_url: str) -> None:
    assert alice.put(alice.one(1), json={"title": "new"}).status_code == 404
    assert alice.delete(alice.one(1)).status_code == 404
    assert alice.all() == []
    assert administer(database_url, CLOCK, user=alice.user_id) == []


def test_a_new_clock_begins_at_the_version_before_the_first_task(
    alice: User, database_url: str
) -> None:
    alice.add()
    [(is_older,)] = administer(
        database_url,
        "SELECT purged = at - interval '1 microsecond' FROM task_clock WHERE user_id = %(user)s",
        user=alice.user_id,
    )

    assert is_older


def test_live_tasks_are_counted_exactly_while_many_write(alice: User, database_url: str) -> None:
    tasks = [alice.add()["id"] for _ in range(10)]
    with ThreadPoolExecutor(8) as threads:
        made = threads.map(lambda _: alice.add(), range(20))
        for _ in range(2):
            [*threads.map(lambda task: alice.delete(alice.one(task)), tasks)]
        assert len([*made]) == 20

    assert clock_of(database_url, alice)[2] == len(alice.all()) == 20


WRITES: dict[str, Callable[[User, int], Response]] = {
    "toggle": lambda user, task: user.patch(f"{user.one(task)}/complete"),
    "create": lambda user, _: user.post(user.tasks, json={"title": "new"}),
    "create with a key": lambda user, _: user.post(
        user.tasks, json={"title": "new"}, headers={"Idempotency-Key": "once"}
    ),
    "checked": lambda user, task: user.put(
        user.one(task), json={"title": "new"}, headers={"If-Match": "*"}
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_began_earlier_and_commits_later_has_the_greater_version(
    write: str, alice: User, database_url: str
) -> None:
    task = alice.add()["id"]
    with ThreadPoolExecutor(1) as threads, held(database_url, alice.user_id) as other:
        answer = threads.submit(WRITES[write], alice, task)
        await_waiting(database_url, alice.user_id)
        other.execute(
            "UPDATE task_clock SET at = clock_timestamp() + interval '1 second'"
            " WHERE user_id = %s RETURNING to_json(at)#>>'{}'",
            [alice.user_id],
        )
        [(earlier,)] = other.fetchall()
        other.connection.commit()

    assert answer.result().json()["updated_at"] > earlier


def test_a_write_sees_what_was_committed_while_it_waited(alice: User, database_url: str) -> None:
    task = alice.add()["id"]
    with ThreadPoolExecutor(1) as threads, held(database_url, alice.user_id) as other:
        answer = threads.submit(alice.patch, alice.one(task), json={"title": "new"})
        await_waiting(database_url, alice.user_id)
        other.execute("UPDATE task SET deleted_at = now() WHERE id = %s", [task])
        other.connection.commit()

    assert answer.result().status_code == 404


LOCKS = {
    "take": clock.take(),
    "take_or_start": clock.take_or_start(creates_user=True),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_waiting_for_the_clock_shortens_the_limit_of_the_write(
    lock: str, alice: User, database_url: str
) -> None:
    alice.add()
    read_limit = "SELECT current_setting('statement_timeout')::interval < '1.3 s'"
    write = CompiledStatement.of("write", LOCKS[lock], writes=True)
    limited = replace(write, text=read_limit, lock=write.text)
    with ThreadPoolExecutor(1) as threads, held(database_url, alice.user_id):
        waited = threads.submit(send, database_url, limited, alice.user_id)
        await_waiting(database_url, alice.user_id)
        time.sleep(0.2)

    assert waited.result() == [(True,)]
    assert send(database_url, limited, alice.user_id) == [(False,)]


def test_deleting_the_user_deletes_the_clock(alice: User, database_url: str) -> None:
    alice.add()
    ask(database_url, f"""DELETE FROM "user" WHERE id = '{alice.user_id}'""")

    assert administer(database_url, CLOCK, user=alice.user_id) == []
