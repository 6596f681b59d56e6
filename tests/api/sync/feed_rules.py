"""Followers of the feed."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.api.sync.ledger import Task, version
from tests.api.sync.task_model import TaskModel, by_id


class FeedRules(TaskModel):
    """``followed`` is what a follower holds that reads the feed now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.since: str | None = None
        self.followed: dict[int, Task] = {}

    @rule(limit=st.integers(1, 4))
    def follow(self, limit: int) -> None:
        """Read on to the end; then the follower holds the live tasks."""
        more = True
        while more:
            since = {"since": self.since} if self.since else {}
            answer = self.send("GET", "/changes", params={"limit": limit, **since})
            if answer.status_code == 410:
                assert self.erased
                self.since = None
                continue
            self._take(answer.json()["changes"], limit)
            self.since, more = answer.json()["next"], answer.json()["more"]
        assert by_id(self.followed.values()) == by_id(self.live.values())

    def _take(self, changes: list[Task], limit: int) -> None:
        if self.since is None:
            self.followed = {}
        positions = [(version(change), change["id"]) for change in changes]
        assert positions == sorted({*positions})
        assert len(changes) <= limit
        for change in changes:
            deleted = change.pop("deleted")
            if deleted:
                assert change.keys() == {"id", "updated_at"}
                self.followed.pop(change["id"], None)
            else:
                self.followed[change["id"]] = change
