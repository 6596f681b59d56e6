"""The operations on one task."""

from collections.abc import Callable
from uuid import uuid4

import httpx2 as httpx
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.api.sync.ledger import Task
from tests.api.sync.task_model import CHANGES, DEFAULTS, MATCH, NEW, PICK, TaskModel, after_change


class SingleRules(TaskModel):
    """Each rule is one operation, with and without conditions, on a task that may be anywhere."""

    @rule(new=NEW, repeats=st.booleans())
    def create(self, new: Task, *, repeats: bool) -> None:
        """Create a task; with a key it may be repeated."""
        key = {"Idempotency-Key": uuid4().hex} if repeats else {}
        answer = self.send("POST", "", json=new, headers=key)
        assert answer.status_code == 201
        task = self.check_task(answer, DEFAULTS | new)
        assert task["created_at"] == task["updated_at"]
        self.note_version(task)
        self.live[task["id"]] = task
        if repeats:
            again = self.send("POST", "", json=new, headers=key)
            assert again.headers["idempotency-replayed"] == "true"
            assert again.json() == task

    @rule(number=PICK, changes=CHANGES, method=st.sampled_from(["PUT", "PATCH"]), match=MATCH)
    def update(self, number: int, changes: Task, method: str, match: str) -> None:
        """Change members of a task."""
        task_id = self.pick(number, self.live, self.trash)
        condition = self.if_match(task_id, match)
        answer = self.send(method, f"/{task_id}", json=changes, headers=condition)
        self._check_change(answer, task_id, match, lambda _: changes)

    @rule(number=PICK, completed=st.sampled_from([None, True, False]), match=MATCH)
    def complete(self, number: int, completed: bool | None, match: str) -> None:  # noqa: FBT001
        """Toggle a task, or set its state."""
        task_id = self.pick(number, self.live, self.trash)
        body = {} if completed is None else {"completed": completed}
        condition = self.if_match(task_id, match)
        answer = self.send("PATCH", f"/{task_id}/complete", json=body, headers=condition)
        self._check_change(
            answer, task_id, match, lambda before: {"completed": not before["completed"]} | body
        )

    def _check_change(
        self, answer: httpx.Response, task_id: int, match: str, changes: Callable[[Task], Task]
    ) -> None:
        if self.is_refused(answer, self.live, task_id, match):
            return
        before = self.live[task_id]
        self.live[task_id] = task = self.check_task(answer, after_change(before, changes(before)))
        self.note_version(task)

    @rule(number=PICK, match=MATCH)
    def delete(self, number: int, match: str) -> None:
        """Put a task into the trash."""
        task_id = self.pick(number, self.live, self.trash)
        answer = self.send("DELETE", f"/{task_id}", headers=self.if_match(task_id, match))
        if not self.is_refused(answer, self.live, task_id, match):
            assert answer.json() == self.live[task_id]
            self.note_deleted(task_id)
            self.note_version(self.trash[task_id])

    @rule(number=PICK, match=MATCH)
    def restore(self, number: int, match: str) -> None:
        """Take a task out of the trash."""
        task_id = self.pick(number, self.trash, self.live)
        condition = self.if_match(task_id, match)
        answer = self.send("POST", f"/{task_id}/restore", headers=condition)
        if not self.is_refused(answer, self.trash, task_id, match):
            self.note_restored(self.check_task(answer, {}))
            self.note_version(self.live[task_id])

    @rule(number=PICK, match=MATCH)
    def erase(self, number: int, match: str) -> None:
        """Erase a task of the trash."""
        task_id = self.pick(number, self.trash, self.live)
        condition = self.if_match(task_id, match)
        answer = self.send("DELETE", f"/trash/{task_id}", headers=condition)
        if not self.is_refused(answer, self.trash, task_id, match):
            assert answer.json()["title"] == self.trash.pop(task_id)["title"]
            self.erased.append(task_id)
