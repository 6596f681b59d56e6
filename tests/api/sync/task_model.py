"""What the API must hold for one user, as dictionaries, and checks that several rules share."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import httpx2 as httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.api.sync.ledger import Task, version
from tests.support.http.client import User

TITLES = st.text("abc", min_size=1, max_size=3)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "title": TITLES,
    "description": st.none() | TITLES,
    "completed": st.booleans(),
    "priority": st.sampled_from(["low", "medium", "high"]),
    "due_date": st.sampled_from([None, "2026-12-01", "2026-12-01T17:00:00+01:00"]),
    "tags": st.lists(TITLES, max_size=2, unique=True),
}
CHANGES = st.fixed_dictionaries({}, optional=MEMBERS).filter(bool)
NEW = st.fixed_dictionaries(
    {"title": TITLES}, optional={name: MEMBERS[name] for name in MEMBERS if name != "title"}
)
PICK = st.integers(0, 99)  # which of the tasks
MATCH = st.sampled_from(["", "", "*", "current", "stale"])  # If-Match
DEFAULTS: Task = {
    "description": None,
    "completed": False,
    "priority": "medium",
    "due_date": None,
    "tags": [],
}
STALE = "2026-01-01T00:00:00+00:00"
NO_TASK = 2**60


class TaskModel(RuleBasedStateMachine):
    """``live`` and ``trash`` are the user's tasks by id, and ``erased`` the ids that are gone."""

    make_user: ClassVar[Callable[[], User]]
    steps: ClassVar[int] = 0
    statuses: ClassVar[Counter[int]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.user = type(self).make_user()
        self.live: dict[int, Task] = {}
        self.trash: dict[int, Task] = {}
        self.erased: list[int] = []
        self.newest: Task = {}
        type(self).steps -= 1  # the invariants are also checked before the first rule

    def teardown(self) -> None:
        """Close the connections."""
        self.user.close()

    def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Send a request about the tasks."""
        answer = self.user.request(method, self.user.tasks + path, **given)
        type(self).statuses[answer.status_code] += 1
        return answer

    def pick(self, number: int, *kinds: Iterable[int]) -> int:
        """One of these ids, or sometimes one that no task has."""
        ids = [NO_TASK, *(task_id for kind in kinds for task_id in kind)]
        return ids[number % len(ids)]

    def if_match(self, task_id: int, match: str) -> dict[str, str]:
        """The header of a condition."""
        task = self.live.get(task_id) or self.trash.get(task_id) or {"updated_at": STALE}
        current = f'"{STALE}", "{task["updated_at"]}"'
        tags = {"*": "*", "stale": f'W/"{task["updated_at"]}", "{STALE}"', "current": current}
        return {"If-Match": tags[match]} if match else {}

    def is_refused(
        self, answer: httpx.Response, held: dict[int, Task], task_id: int, match: str
    ) -> bool:
        """Whether the answer has to say that nothing was changed; check that it does."""
        if task_id not in held:
            assert answer.status_code == 404
        elif match == "stale":
            assert (answer.status_code, answer.json()["code"]) == (412, "version_mismatch")
            assert answer.headers["etag"] == f'"{held[task_id]["updated_at"]}"'
        else:
            assert answer.is_success, answer.text
        return not answer.is_success

    def check_task(self, answer: httpx.Response, expected: Task) -> Task:
        """Check the one task of an answer, and its tag; return it."""
        task: Task = answer.json()
        assert {**task, **expected} == task
        assert answer.headers["etag"] == f'"{task["updated_at"]}"'
        assert (task["completed_at"] is not None) == task["completed"]
        return task

    def note_version(self, task: Task) -> None:
        """Check that this version is newer than all before."""
        assert not self.newest or version(task) > version(self.newest)
        self.newest = task

    def note_deleted(self, *task_ids: int) -> None:
        """Move tasks that were deleted together into the trash, with their new version."""
        found = {task["id"]: task for task in self.send("GET", "/trash").json()}
        for task_id in task_ids:
            before, after = self.live.pop(task_id), found[task_id]
            new = {name: after[name] for name in ("deleted_at", "updated_at")}
            assert after == before | new
            self.trash[task_id] = after
        assert found == self.trash

    def note_restored(self, task: Task) -> None:
        """Move a task out of the trash, with its new version."""
        assert task == without_version(self.trash.pop(task["id"])) | version_of(task)
        self.live[task["id"]] = task


def after_change(before: Task, changes: Task) -> Task:
    """The members that this change makes of a task; without times that only the API knows."""
    after = without_version(before) | changes
    if after["completed"] and not before["completed"]:
        del after["completed_at"]
    return after if after["completed"] else after | {"completed_at": None}


def without_version(task: Task) -> Task:
    """The members that stay when a task is deleted and restored."""
    return {k: v for k, v in task.items() if k not in {"deleted_at", "updated_at"}}


def version_of(task: Task) -> Task:
    """The member that is the version."""
    return {"updated_at": task["updated_at"]}


def by_id(tasks: Iterable[Task]) -> list[Task]:
    """The tasks in one order."""
    return sorted(tasks, key=lambda task: task["id"])
