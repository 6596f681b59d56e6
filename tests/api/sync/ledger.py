"""What the API acknowledged to the devices of one user, compared with the database."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.support.database.pool import ask

if TYPE_CHECKING:
    from tests.api.sync.device import Operation

Task = dict[str, Any]
ROWS = """
    SELECT id, title, tags, priority, updated_at, deleted_at IS NOT NULL
    FROM task WHERE user_id = '{user_id}'
"""


def version(task: Task) -> datetime:
    """The version of a task; as text it has no fixed number of digits."""
    return datetime.fromisoformat(task["updated_at"])


class Ledger:
    """Each tag is unique and added by one operation, so none may be missing or left over.

    - ``count``: the acknowledged operations; ``conflicts``: the answers 412.
    - ``versions``: the acknowledged states of each task, by version.
    - ``possible``: the tags of writes without an answer; ``refused``: of those not applied.
    """

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.count = self.conflicts = 0
        self.titles: dict[int, str] = {}
        self.added: defaultdict[int, set[str]] = defaultdict(set)
        self.removed: defaultdict[int, set[str]] = defaultdict(set)
        self.versions: defaultdict[int, dict[datetime, tuple[str, Task]]] = defaultdict(dict)
        self.possible: set[str] = set()
        self.refused: set[str] = set()
        self.erased: set[int] = set()
        self.possibly_erased: set[int] = set()
        self.wrong: list[str] = []

    def acknowledge(self, done: "Operation", task: Task | None, *, replayed: bool = False) -> None:
        """Note an operation that was applied; a replay shows the task as it is now, or ``None``."""
        self.count += 1
        number = task["id"] if task else done.id
        if done.task and task:
            self.titles[number] = done.task["title"]
            self.added[number] |= {*done.task.get("tags", [])}
        if done.base and done.changes and "tags" in done.changes:
            before, after = {*done.base["tags"]}, {*done.changes["tags"]}
            self.added[number] |= after - before
            self.removed[number] |= before - after
        if task and not replayed:
            self._note_version(done.op, task)

    def _note_version(self, op: str, task: Task) -> None:
        known = self.versions[task["id"]]
        # A second delete finds the task in the trash and changes nothing.
        if known.setdefault(version(task), (op, task)) != (op, task):
            self.wrong.append(f"one version twice: {known[version(task)]} {op} {task}")

    def broken(self, url: str) -> dict[str, list[object]]:
        """What the database holds against what was acknowledged, by kind."""
        rows = {row[0]: row for row in ask(url, ROWS.format(user_id=self.user_id))}
        titles = [row[1] for row in rows.values()]
        gone = self.erased | self.possibly_erased
        return {
            "wrong": [*self.wrong],
            "lost": [n for n in self.titles if n not in rows and n not in gone],
            "erased and there": [n for n in self.erased if n in rows],
            "doubled": [title for title in titles if titles.count(title) > 1],
            "lost tags": self._each(rows, lambda n, tags: self._expected(n) - tags),
            "tags left over": self._each(
                rows, lambda n, tags: tags - self._expected(n) - self.possible
            ),
            "refused tags": self._each(rows, lambda _, tags: tags & self.refused),
            "version": [
                (row, sorted(self.versions[row[0]].items())[-2:])
                for row in rows.values()
                if not self._has_right_version(row)
            ],
        }

    def _expected(self, number: int) -> set[str]:
        return self.added[number] - self.removed[number]

    @staticmethod
    def _each(
        rows: dict[int, tuple[Any, ...]], wrong: Callable[[int, set[str]], set[str]]
    ) -> list[object]:
        """The tasks with such tags, and the tags."""
        found = ((number, wrong(number, {*row[2]})) for number, row in rows.items())
        return [(number, tags) for number, tags in found if tags]

    def _has_right_version(self, row: tuple[Any, ...]) -> bool:
        """Whether no acknowledged version is newer, and an equal one is this row."""
        number, title, tags, priority, updated_at, is_deleted = row
        known = self.versions[number]
        if updated_at not in known:
            return not known or max(known) < updated_at
        op, task = known[updated_at]
        shown = (task["title"], task["tags"], task["priority"], op == "delete")
        return max(known) == updated_at and shown == (title, tags, priority, is_deleted)
