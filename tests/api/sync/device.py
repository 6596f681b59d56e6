"""A device with the algorithm of the documented client: store, queue, batches and feed."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from tests.api.sync.connection import Answer, Connection, Unreachable
from tests.api.sync.ledger import Ledger

Task = dict[str, Any]
BATCH = 40
# A device that is told of each change loses a race only now and then, and seldom starts afresh.
MOST_CONFLICTS_IN_A_ROW, MOST_FRESH_STARTS_IN_A_ROW = 200, 20


@dataclass(eq=False)
class Operation:
    """``task`` is that of a create; an update has ``changes``, made to ``base``."""

    op: str
    id: int
    task: Task | None = None
    changes: Task | None = None
    base: Task | None = None

    def as_sent(self) -> dict[str, Any]:
        """The operation in a batch."""
        if self.task:
            return {"op": self.op, "task": self.task}
        if self.base:
            changes = {"changes": self.changes, "if_match": self.base["updated_at"]}
            return {"op": self.op, "id": self.id, **changes}
        return {"op": self.op, "id": self.id}


def merge(base: Task, changes: Task, theirs: Task) -> Task:
    """Tags are merged as a set; other members are overwritten."""
    if "tags" not in changes:
        return changes
    before, mine = base["tags"], changes["tags"]
    kept = [tag for tag in theirs["tags"] if tag in mine or tag not in before]
    added = [tag for tag in mine if tag not in before and tag not in kept]
    return {**changes, "tags": kept + added}


class Device:
    """``tasks`` is the store; ``queue`` holds what the API has not acknowledged.

    The first ``sent`` operations of the queue are a batch whose outcome is not known; ``limit`` is
    the size of the feed's pages.
    """

    def __init__(self, connection: Connection, ledger: Ledger) -> None:
        self.connection, self.ledger = connection, ledger
        self.tasks: dict[int, Task] = {}
        self.since: str | None = None
        self.queue: list[Operation] = []
        self.sent, self.key, self.last_id, self.limit = 0, "", 0, 1000
        self.conflicts_in_a_row = 0

    def create(self, **task: Any) -> None:
        """Queue a new task."""
        self.last_id -= 1
        self.queue.append(Operation("create", self.last_id, task=task))

    def update(self, shown: Task, **changes: Any) -> None:
        """Queue a change of a task of the list."""
        self.queue.append(Operation("update", shown["id"], changes=changes, base=shown))

    def queue_one(self, op: str, task_id: int) -> None:
        """Queue a delete or a restore."""
        self.queue.append(Operation(op, task_id))

    def list(self) -> list[Task]:
        """The tasks with all changes made here, sent or not."""
        shown = dict(self.tasks)
        for each in self.queue:
            before = (self.tasks if each.op == "restore" else shown).get(each.id)
            if each.op == "delete":
                shown.pop(each.id, None)
            elif before or each.task:
                shown[each.id] = {
                    "tags": [],
                    **(before or {}),
                    **(each.task or {}),
                    **(each.changes or {}),
                    "id": each.id,
                }
        return [*shown.values()]

    def sync(self) -> None:
        """Send and fetch; raises ``Unreachable``."""
        while True:
            if self.sent:
                self._push()
            self.pull()
            if not self._prepare():
                return

    def _prepare(self) -> bool:
        """Make the next batch: each task once, and with its id."""
        batch: list[Operation] = []
        later: list[Operation] = []
        seen: set[int] = set()
        for each in self.queue:
            theirs = self.tasks.get(each.id)
            waits = each.id < 0 and not each.task
            if len(batch) == BATCH or each.id in seen or waits:
                later.append(each)
            elif not (each.base and each.changes):
                batch.append(each)
            elif theirs:
                changes = merge(each.base, each.changes, theirs)
                batch.append(replace(each, changes=changes, base=theirs))
            seen.add(each.id)
        self.queue, self.sent, self.key = batch + later, len(batch), uuid4().hex
        return bool(batch)

    def _push(self) -> None:
        """Send the batch, or send it again as it was."""
        batch = self.queue[: self.sent]
        operations = {"operations": [each.as_sent() for each in batch]}
        key = {"Idempotency-Key": self.key}
        answer = self.connection.send("POST", "/batch", operations, key)
        self.conflicts_in_a_row = self.conflicts_in_a_row + 1 if answer.status == 412 else 0
        assert self.conflicts_in_a_row < MOST_CONFLICTS_IN_A_ROW, "the feed skips a change"
        if answer.status == 200:
            replayed = "Idempotency-Replayed" in answer.headers
            for each, task in zip(batch, answer.body["tasks"], strict=True):
                self.ledger.acknowledge(each, task, replayed=replayed)
                self._finish(each, task)
        elif answer.status in {404, 422}:
            self._finish(batch[wrong_operation(answer)], None)
        elif answer.status == 412:
            self.ledger.conflicts += 1
        else:
            raise Unreachable(answer)
        self.sent = 0

    def _finish(self, done: Operation, task: Task | None) -> None:
        """Take an operation from the queue, and put its result into the store."""
        if done.op == "delete":
            self.tasks.pop(done.id, None)
        elif task:
            self.tasks[task["id"]] = task
        failed = done.id if done.task and not task else None
        self.queue = [each for each in self.queue if each is not done and each.id != failed]
        for each in self.queue:
            if done.task and task and each.id == done.id:
                each.id = task["id"]

    def pull(self) -> None:
        """Bring the store up to date."""
        more, fresh_starts = True, 0
        while more:
            answer = self.connection.get("/changes", since=self.since, limit=self.limit)
            if answer.status == 410:
                self.since, fresh_starts = None, fresh_starts + 1
                assert fresh_starts < MOST_FRESH_STARTS_IN_A_ROW, "no fresh start ends"
                continue
            if self.since is None:
                self.tasks = {}
            for change in answer.body["changes"]:
                task = {name: value for name, value in change.items() if name != "deleted"}
                if change["deleted"]:
                    self.tasks.pop(task["id"], None)
                else:
                    self.tasks[task["id"]] = task
            self.since, more = answer.body["next"], answer.body["more"]


def wrong_operation(answer: Answer) -> int:
    """The number of the operation that a refused batch names."""
    number: int = answer.body["errors"][0]["loc"][2]
    return number
