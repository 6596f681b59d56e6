"""Erasing tasks while devices follow, delete and restore them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.api.sync.connection import Connection
from tests.api.sync.device import Device
from tests.api.sync.ledger import Ledger
from tests.support.http.client import User

TASKS = 40


@pytest.fixture
def devices(alice: User) -> Iterator[list[Device]]:
    """Four devices of Alice, with pages of different sizes."""
    with ExitStack() as stack:
        made = []
        for limit in (1, 3, 10, 1000):
            connection = Connection(int(alice.base_url.port or 0), alice.user_id)
            stack.callback(connection.close)
            made.append(Device(connection, Ledger(alice.user_id)))
            made[-1].limit = limit
        yield made


def test_erasing_leaves_no_task_behind_on_devices_that_follow_meanwhile(
    alice: User, devices: list[Device]
) -> None:
    operations = [{"op": "create", "task": {"title": f"{n}"}} for n in range(TASKS)]
    made = alice.post(f"{alice.tasks}/batch", json={"operations": operations}).json()["tasks"]
    erased = threading.Event()

    def follow(device: Device) -> None:
        while not erased.is_set():
            device.pull()
        device.pull()

    def erase() -> None:
        try:
            for task in made[: TASKS // 2]:
                assert alice.delete(alice.one(task["id"])).status_code == 200
                assert alice.delete(f"{alice.tasks}/trash/{task['id']}").status_code == 200
        finally:
            erased.set()

    with ThreadPoolExecutor(len(devices) + 1) as pool:
        jobs = [pool.submit(erase), *(pool.submit(follow, device) for device in devices)]
        for job in jobs:
            job.result()

    live = {task["id"]: task for task in alice.all()}
    assert len(live) == TASKS // 2
    assert [device.tasks == live for device in devices] == [True] * len(devices)


def test_task_is_either_restored_or_erased(alice: User) -> None:
    ids = [alice.add()["id"] for _ in range(TASKS)]
    for task_id in ids:
        assert alice.delete(alice.one(task_id)).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        restored = [pool.submit(alice.post, f"{alice.one(n)}/restore") for n in ids]
        erased = [pool.submit(alice.delete, f"{alice.tasks}/trash/{n}") for n in ids[::-1]][::-1]
        pairs = [
            (one.result().status_code, other.result().status_code)
            for one, other in zip(restored, erased, strict=True)
        ]

    assert {*pairs} <= {(200, 404), (404, 200)}
    live = [n for n, pair in zip(ids, pairs, strict=True) if pair == (200, 404)]
    assert [task["id"] for task in alice.all(order="asc")] == live
