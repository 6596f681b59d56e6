"""A person who uses a device: many changes, offline at random, and some straight to the API."""

import random
import threading
from operator import itemgetter
from uuid import uuid4

from tests.api.sync.connection import Answer, Unreachable
from tests.api.sync.device import Device, Operation, Task
from tests.support.waiting import wait_until

# A task takes 20 tags; each device of a user stops at this many of those that it sees.
MAX_TAGS = 5
RECENT = 60  # tasks that all devices change, so that they meet
LOST = 0.03
PRIORITIES = ("low", "medium", "high")


class Person:
    """``erases``: tasks of the trash are erased, so that the feed answers 410 to slow devices."""

    def __init__(self, device: Device, *, erases: bool) -> None:
        self.device, self.ledger, self.connection = device, device.ledger, device.connection
        self._erases = erases
        self._deleted: list[int] = []

    def work(self, done: threading.Event) -> None:
        """Change and sync until ``done``."""
        self.connection.loss = LOST
        while not done.is_set():
            for _ in range(random.randint(1, 30)):
                self.change()
            if random.random() < 0.3 and len(self.device.queue) < 60:  # offline
                continue
            try:
                for _ in range(3):
                    self.write_directly()
                self.device.sync()
                if self._erases:
                    self.erase()
            except Unreachable:
                done.wait(0.05)

    def settle(self) -> None:
        """Sync until nothing is queued and nothing is new."""
        self.connection.loss = 0
        wait_until(self._synced)

    def _synced(self) -> bool:
        try:
            self.device.sync()
        except Unreachable:
            return False
        return True

    def change(self) -> None:
        """Queue one change."""
        shown = sorted(self.device.list(), key=lambda task: (task["id"] > 0, abs(task["id"])))
        recent, choice = shown[-RECENT:], random.random()
        if choice < 0.25 or len(recent) < 3:
            self.device.create(title=f"{self.connection.user_id} {uuid4().hex}", tags=[new_tag()])
        elif choice < 0.85:
            self._update(random.choice(recent))
        elif choice < 0.95:
            self._deleted.append(random.choice(recent)["id"])
            self.device.queue_one("delete", self._deleted[-1])
        elif known := [each for each in self._deleted if each > 0]:
            self.device.queue_one("restore", random.choice(known[-3:]))

    def _update(self, task: Task) -> None:
        tags = task["tags"]
        if len(tags) < MAX_TAGS:
            self.device.update(task, tags=[*tags, new_tag()])
        elif random.random() < 0.5:
            self.device.update(task, tags=tags[1:])
        else:
            self.device.update(task, priority=random.choice(PRIORITIES))

    def write_directly(self) -> None:
        """Add a tag with ``If-Match``, and note whether it was applied."""
        known = sorted(self.device.tasks.values(), key=itemgetter("id"))[-RECENT:]
        open_ = [task for task in known if len(task["tags"]) < MAX_TAGS]
        if not open_:
            return
        task, tag = random.choice(open_), new_tag()
        changes, condition = {"tags": [*task["tags"], tag]}, {"If-Match": etag(task)}
        try:
            answer = self.connection.send("PATCH", f"/{task['id']}", changes, condition)
        except Unreachable:
            self.ledger.possible.add(tag)
            raise
        if answer.status == 200:
            done = Operation("update", task["id"], changes=changes, base=task)
            self.ledger.acknowledge(done, answer.body)
        else:
            self._note_failure(answer, tag)

    def _note_failure(self, answer: Answer, tag: str) -> None:
        if answer.status in {404, 412, 503}:
            self.ledger.refused.add(tag)
        elif answer.status == 504:
            self.ledger.possible.add(tag)
        else:
            self.ledger.wrong.append(f"{answer.status} {answer.body}")

    def erase(self) -> None:
        """Erase the oldest task of a page of the trash."""
        for task in self.connection.get("/trash", limit=5).body[-1:]:
            self.ledger.possibly_erased.add(task["id"])
            answer = self.connection.send("DELETE", f"/trash/{task['id']}")
            if answer.status == 200:
                self.ledger.erased.add(task["id"])
                self.ledger.count += 1


def etag(task: Task) -> str:
    """The tag of a task of which only the JSON is known."""
    return f'"{task["updated_at"]}"'


def new_tag() -> str:
    """A tag that occurs nowhere else."""
    return uuid4().hex
