"""Devices that start from nothing, or from what is no longer true."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from api.database.urls import direct_url
from api.migrations.resync import resync
from tests.api.sync.connection import Answer, Connection
from tests.api.sync.device import Device
from tests.api.sync.ledger import Ledger
from tests.support.database.pool import ask
from tests.support.database.row_level_security import administer
from tests.support.database.temporary_database import temporary_database
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

TASKS, TRASHED = 100, 20
DELETE_ACCOUNT = 'DELETE FROM "user" WHERE id = %(user)s'


class WatchedConnection(Connection):
    """``before_page`` is called with the number of each page before it is read."""

    def __init__(self, user: User) -> None:
        super().__init__(int(user.base_url.port or 0), user.user_id)
        self.before_page: Callable[[int], object] = lambda _: None
        self.statuses: list[int] = []

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        self.before_page(len(self.statuses))
        answer = super().get(path, headers, **query)
        self.statuses.append(answer.status)
        return answer


@pytest.fixture
def connection(alice: User) -> Iterator[WatchedConnection]:
    """A connection of a device of Alice."""
    with closing(WatchedConnection(alice)) as made:
        yield made


@pytest.fixture
def device(connection: WatchedConnection) -> Device:
    """A device that holds nothing yet."""
    return Device(connection, Ledger(connection.user_id))


def held(user: User) -> dict[int, Any]:
    """What the API holds."""
    return {task["id"]: task for task in user.all()}


def trash(user: User, task_id: int) -> None:
    """Put a task into the trash."""
    assert user.delete(user.one(task_id)).status_code == 200


def erase(user: User, task_id: int) -> None:
    """Erase a task of the trash."""
    assert user.delete(f"{user.tasks}/trash/{task_id}").status_code == 200


@pytest.mark.parametrize("erased", ["deleted before", "deleted meanwhile"])
def test_fresh_start_page_by_page_ends_while_others_write_delete_and_erase(
    erased: str, alice: User, connection: WatchedConnection, device: Device
) -> None:
    operations = [{"op": "create", "task": {"title": f"{n}"}} for n in range(TASKS)]
    made = alice.post(f"{alice.tasks}/batch", json={"operations": operations}).json()["tasks"]
    live = [task["id"] for task in made]
    trashed = [live.pop() for _ in range(TRASHED)]
    for task_id in trashed:
        trash(alice, task_id)

    def meanwhile(page: int) -> None:
        if page % 4 == 1 and page < TASKS:
            alice.put(alice.one(live[0]), json={"title": f"page {page}"})
        elif page % 4 == 2 and page < TASKS:
            trash(alice, live.pop(page % len(live)))
        elif page % 8 == 3 and trashed and erased == "deleted before":
            erase(alice, trashed.pop())
        elif page in {20, 40} and erased == "deleted meanwhile":
            trashed.append(live.pop())
            trash(alice, trashed[-1])
            erase(alice, trashed.pop())

    connection.before_page, device.limit = meanwhile, 1
    device.pull()

    assert device.tasks == held(alice)
    assert set(connection.statuses) == ({200} if erased == "deleted before" else {200, 410})
    assert len(connection.statuses) > TASKS / 2


def test_tasks_of_one_batch_are_each_on_one_page(alice: User, device: Device) -> None:
    device.pull()
    operations = [{"op": "create", "task": {"title": f"{n}"}} for n in range(20)]
    answer = alice.post(f"{alice.tasks}/batch", json={"operations": operations})
    made = [task["id"] for task in answer.json()["tasks"]]

    seen: list[int] = []
    more, since = True, device.since
    while more:
        page = alice.get(f"{alice.tasks}/changes", params={"since": since, "limit": 3}).json()
        seen += [change["id"] for change in page["changes"]]
        since, more = page["next"], page["more"]

    assert len({task["updated_at"] for task in answer.json()["tasks"]}) == 1
    assert seen == sorted(made)


def test_account_that_was_deleted_and_made_again_starts_devices_afresh(
    alice: User, connection: WatchedConnection, device: Device, database_url: str
) -> None:
    alice.add("of the old account")
    device.pull()
    listed = alice.get(alice.tasks).headers["etag"]
    administer(database_url, DELETE_ACCOUNT, user=alice.user_id)
    gone = alice.get(alice.tasks, headers={"If-None-Match": listed})
    device.pull()
    assert (gone.json(), device.tasks) == ([], {})

    alice.add("of the new account")
    device.pull()

    assert [task["title"] for task in device.tasks.values()] == ["of the new account"]
    assert 410 in connection.statuses


def test_device_that_missed_the_whole_second_account_starts_afresh(
    alice: User, connection: WatchedConnection, device: Device, database_url: str
) -> None:
    alice.add("of the old account")
    device.pull()
    administer(database_url, DELETE_ACCOUNT, user=alice.user_id)
    alice.add("of the new account")

    device.pull()

    assert connection.statuses == [200, 410, 200]
    assert device.tasks == held(alice)


def test_first_task_reaches_a_device_that_synced_an_empty_account(
    alice: User, connection: WatchedConnection, device: Device
) -> None:
    device.pull()
    task = alice.add()
    device.pull()

    assert device.tasks == {task["id"]: task}
    assert connection.statuses == [200, 200]


def test_restored_database_reaches_devices_after_resync(database_url: str) -> None:
    user_id = f"user-{uuid4().hex}"
    with temporary_database(database_url) as original:
        with user_at(original, user_id) as user:
            user.add("in the backup")
        with copied_database(original) as restored:
            with user_at(original, user_id) as user, device_of(user) as device:
                user.add("after the backup")
                device.pull()
            with user_at(restored, user_id) as user, device_of(user) as same_device:
                user.add("after the restore")
                resync(direct_url(make_settings(database_url=restored)))
                same_device.since, same_device.tasks = device.since, device.tasks
                same_device.pull()
                now_held = held(user)

    assert same_device.tasks == now_held
    assert {task["title"] for task in now_held.values()} == {"in the backup", "after the restore"}


@contextmanager
def user_at(database_url: str, user_id: str) -> Iterator[User]:
    """The user at an API on this database."""
    with serve(make_settings(database_url=database_url)) as base, User(base, user_id) as user:
        yield user


@contextmanager
def device_of(user: User) -> Iterator[Device]:
    """A device of the user."""
    with closing(WatchedConnection(user)) as connection:
        yield Device(connection, Ledger(user.user_id))


@contextmanager
def copied_database(url: str) -> Iterator[str]:
    """A copy of a database, as a backup is."""
    copy = make_url(url).set(database=f"test_{uuid4().hex}")
    admin = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    ask(admin, f"CREATE DATABASE {copy.database} TEMPLATE {make_url(url).database}")
    try:
        yield copy.render_as_string(hide_password=False)
    finally:
        ask(admin, f"DROP DATABASE {copy.database} WITH (FORCE)")
