"""A reader that polls the feed all the time, and checks what it is given."""

import random
import threading
from bisect import bisect_left
from collections import defaultdict
from datetime import datetime
from itertools import zip_longest

from tests.api.sync.connection import Connection, Unreachable
from tests.api.sync.ledger import Ledger, Task, version


class FeedReader:
    """``tasks`` is what it holds; ``fresh_starts`` counts those after the first."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.tasks: dict[int, Task] = {}
        self.fresh_starts = 0
        self.wrong: list[str] = []
        self._since: str | None = None
        self._tag = ""
        self._last: tuple[datetime, int] | None = None
        self._seen: defaultdict[int, list[datetime]] = defaultdict(list)
        self._ends: list[datetime] = []
        self._has_started = False
        self._first: datetime | None = None  # version after the fresh start

    def work(self, done: threading.Event) -> None:
        """Poll until ``done``."""
        while not done.wait(random.random() * 0.02):
            try:
                self.poll(random.choice([1, 3, 20, 1000]))
            except Unreachable:
                done.wait(0.05)

    def poll(self, limit: int = 1000) -> bool:
        """Read one page; whether there is more. Raises ``Unreachable``."""
        tag = {"If-None-Match": self._tag} if self._tag else {}
        answer = self.connection.get("/changes", tag, since=self._since, limit=limit)
        if answer.status == 304:
            return False
        if answer.status == 410:
            self._start_afresh()
            return True
        page = answer.body
        if self._has_started and not self._first and page["changes"]:
            self._first = version(page["changes"][0])
        for change in page["changes"]:
            self._take(change)
        if page["changes"] and not page["more"]:
            self._ends.append(version(page["changes"][-1]))
        # A tag is that of one URL.
        self._tag = answer.headers["ETag"] if page["next"] == self._since else ""
        self._since = page["next"]
        more: bool = page["more"]
        self._has_started |= not more
        return more

    def is_up_to_date(self) -> bool:
        """Read on; whether all of it was read."""
        try:
            return not self.poll()
        except Unreachable:
            return False

    def _start_afresh(self) -> None:
        self.fresh_starts += 1
        self.tasks, self._since, self._tag, self._last = {}, None, "", None
        self._has_started, self._first = False, None
        self._seen.clear()
        self._ends.clear()

    def _take(self, change: Task) -> None:
        position = (version(change), change["id"])
        if self._last and position <= self._last:
            self.wrong.append(f"out of order: {position} after {self._last}")
        if change.get("user_id", self.connection.user_id) != self.connection.user_id:
            self.wrong.append(f"of another user: {change}")
        self._last = position
        self._seen[change["id"]].append(position[0])
        if change["deleted"]:
            self.tasks.pop(change["id"], None)
        else:
            self.tasks[change["id"]] = {k: v for k, v in change.items() if k != "deleted"}

    def skipped(self, ledger: Ledger) -> list[tuple[int, datetime]]:
        """The acknowledged versions that the feed passed by, without a later one of that task.

        A fresh start shows no task that was deleted before it.
        """
        return [
            (number, one)
            for number, known in ledger.versions.items()
            for one, following in _pairs(sorted(known))
            if self._first
            and one >= self._first
            and self._passed(one, following)
            and not _between(self._seen[number], one, following)
        ]

    def _passed(self, one: datetime, following: datetime | None) -> bool:
        """Whether the reader was up to date between the two: then it must have seen the first."""
        return bool(_between(self._ends, one, following))


def _pairs(versions: list[datetime]) -> list[tuple[datetime, datetime | None]]:
    return [*zip_longest(versions, versions[1:])]


def _between(found: list[datetime], start: datetime, end: datetime | None) -> int:
    """How many of these, in order, are at ``start`` or later and before ``end``."""
    stop = bisect_left(found, end) if end else len(found)
    return stop - bisect_left(found, start)
