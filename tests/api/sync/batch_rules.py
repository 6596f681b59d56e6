"""Batches of operations."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.api.sync.ledger import Task, version
from tests.api.sync.task_model import (
    CHANGES,
    DEFAULTS,
    MATCH,
    NEW,
    PICK,
    STALE,
    TaskModel,
    after_change,
)

Part = tuple[str, int, Task, Task, str]
KINDS = st.sampled_from(["create", "update", "update", "delete", "restore"])
PARTS = st.lists(st.tuples(KINDS, PICK, NEW, CHANGES, MATCH), min_size=1, max_size=4)


class BatchRules(TaskModel):
    """A batch is applied as a whole or not at all, and only once."""

    @rule(parts=PARTS, repeats=st.booleans())
    def batch(self, parts: list[Part], *, repeats: bool) -> None:
        """Apply several operations, or none of them."""
        operations = [*self._operations(parts)]
        body = {"operations": operations}
        key = {"Idempotency-Key": uuid4().hex} if repeats else {}
        answer = self.send("POST", "/batch", json=body, headers=key)
        errors = {number: self._error(each) for number, each in enumerate(operations)}
        if any(errors.values()):
            _, _, number, *_ = answer.json()["errors"][0]["loc"]
            assert errors[number] == answer.status_code
            return
        assert answer.status_code == 200, answer.text
        self._note(operations, answer.json()["tasks"])
        if repeats:
            again = self.send("POST", "/batch", json=body, headers=key)
            assert again.headers["idempotency-replayed"] == "true"
            assert again.json() == answer.json()

    def _operations(self, parts: list[Part]) -> Iterator[dict[str, Any]]:
        """The parts as operations, without those that name a task a second time."""
        used: set[int] = set()
        for op, number, new, changes, match in parts:
            task_id = self.pick(number, self.live, self.trash)
            if op == "create":
                yield {"op": op, "task": new}
            elif task_id not in used:
                used.add(task_id)
                more = {"changes": changes} if op == "update" else {}
                yield {"op": op, "id": task_id} | more | self._condition(op, task_id, match)

    def _condition(self, op: str, task_id: int, match: str) -> dict[str, str]:
        task = self.live.get(task_id) or self.trash.get(task_id)
        if op == "restore" or match not in {"current", "stale"} or not task:
            return {}
        return {"if_match": STALE if match == "stale" else task["updated_at"]}

    def _error(self, operation: dict[str, Any]) -> int:
        """The status that refuses the batch because of this operation, or 0."""
        if operation["op"] == "create":
            return 0
        held = {"update": self.live, "restore": self.trash, "delete": self.live | self.trash}
        if not (task := held[operation["op"]].get(operation["id"])):
            return 404
        return 412 if operation.get("if_match", task["updated_at"]) != task["updated_at"] else 0

    def _note(self, operations: list[dict[str, Any]], tasks: list[Task]) -> None:
        """Note what a batch did; the tasks that it changed have one version."""
        deleted = [e["id"] for e in operations if e["op"] == "delete" and e["id"] in self.live]
        changed = {*deleted}
        for operation, task in zip(operations, tasks, strict=True):
            is_deleted = task.pop("deleted_at") is not None
            assert is_deleted == (operation["op"] == "delete")
            if is_deleted:
                continue
            changed.add(task["id"])
            if operation["op"] == "restore":
                self.note_restored(task)
            else:
                self._check_new_state(operation, task)
                self.live[task["id"]] = task
        if deleted:
            self.note_deleted(*deleted)
        after = [self.live.get(task_id) or self.trash[task_id] for task_id in changed]
        assert len({version(task) for task in after}) <= 1
        if after:
            self.note_version(after[0])

    def _check_new_state(self, operation: dict[str, Any], task: Task) -> None:
        if operation["op"] == "create":
            expected = DEFAULTS | operation["task"]
        else:
            expected = after_change(self.live[task["id"]], operation["changes"])
        assert {**task, **expected} == task
