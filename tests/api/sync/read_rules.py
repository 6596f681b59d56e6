"""Reads: of a task, of the list, of the trash and of the feed."""

from datetime import datetime

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.api.sync.ledger import Task
from tests.api.sync.task_model import PICK, STALE, TaskModel, by_id


class ReadRules(TaskModel):
    """``listed`` is the last list; the list is read after each rule, and must be right."""

    def __init__(self) -> None:
        super().__init__()
        self.tag = ""
        self.listed: list[Task] = []

    @invariant()
    def list_holds_the_live_tasks(self) -> None:
        """A list that was read before is still right if the answer is 304."""
        type(self).steps += 1
        tag = {"If-None-Match": self.tag} if self.tag else {}
        answer = self.send("GET", "", params={"order": "asc"}, headers=tag)
        if answer.status_code != 304:
            self.listed, self.tag = answer.json(), answer.headers["etag"]
        assert by_id(self.listed) == by_id(self.live.values())

    @rule(number=PICK)
    def read(self, number: int) -> None:
        """Read a task, and read it again under two conditions."""
        task_id = self.pick(number, self.live, self.trash, self.erased)
        answer = self.send("GET", f"/{task_id}")
        if task_id not in self.live:
            assert answer.status_code == 404
            return
        assert self.check_task(answer, self.live[task_id]) == self.live[task_id]
        for tag, status in ((f'"{STALE}"', 200), (answer.headers["etag"], 304)):
            again = self.send("GET", f"/{task_id}", headers={"If-None-Match": tag})
            assert (again.status_code, again.headers["etag"]) == (status, answer.headers["etag"])

    @rule(done=st.booleans(), limit=st.integers(1, 3))
    def list_by_status(self, *, done: bool, limit: int) -> None:
        """Read a filtered list, page by page."""
        found = self._pages(f"?status={'completed' if done else 'pending'}&limit={limit}")
        assert found == [t for t in self._newest_first() if t["completed"] == done]

    def _newest_first(self) -> list[Task]:
        return by_id(self.live.values())[::-1]

    @rule(limit=st.integers(1, 3))
    def list_trash(self, limit: int) -> None:
        """Read the trash, page by page."""
        found = self._pages(f"/trash?limit={limit}")
        moments = [datetime.fromisoformat(task["deleted_at"]) for task in found]
        assert by_id(found) == by_id(self.trash.values())
        assert moments == sorted(moments, reverse=True)

    def _pages(self, path: str) -> list[Task]:
        found: list[Task] = []
        while True:
            answer = self.send("GET", path)
            assert answer.status_code == 200
            found += answer.json()
            if "next" not in answer.links:
                return found
            path = answer.links["next"]["url"].removeprefix(self.user.tasks)
