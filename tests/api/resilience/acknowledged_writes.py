"""Writers who remember every promise they were given, and what became of it (a set checker)."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from typing import Any
from uuid import uuid4

from tests.api.resilience.task_history import SETTLED_SECONDS, Row
from tests.support.database.pool import ask
from tests.support.http.client import token

UNKNOWN = 0  # no answer, or 504: it happened or not
ROWS = """
    SELECT id, user_id, title, description, completed_at IS NOT NULL, deleted_at IS NOT NULL
    FROM task
"""
PAUSE = 0.02


class Writer:
    """One user; ``rows`` by id, ``refused`` titles, and ``wrong`` answers."""

    def __init__(self, port: int) -> None:
        self.name = f"writer-{uuid4().hex}"
        self.rows: dict[int, Row] = {}
        self.refused: set[str] = set()
        self.wrong: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.acknowledged = 0
        self.done = threading.Event()
        self._path = f"/api/{self.name}/tasks"
        self._head = {
            "Authorization": f"Bearer {token(self.name)}",
            "Content-Type": "application/json",
        }
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def work(self) -> None:
        """Write until ``done``."""
        live: list[int] = []
        while not self.done.is_set():
            choice = random.random()
            if choice < 0.4 or len(live) < 3:
                live += self._create()
            elif choice < 0.7:
                self._change(random.choice(live))
            elif choice < 0.85:
                self._toggle(random.choice(live))
            else:
                self._delete(live.pop(random.randrange(len(live))))
        self._link.close()

    def _create(self) -> list[int]:
        title, open_ = f"{self.name} {uuid4().hex}", False
        key = {"Idempotency-Key": uuid4().hex}
        while not self.done.is_set():
            status, task = self._send("POST", "", {"title": title}, key)
            if status == 201:
                self.rows[task["id"]] = row = Row(title)
                self._compare(row, task)
                return [task["id"]]
            if status == 503 and not open_:
                self.refused.add(title)  # a promise, too: it will never be there
                return []
            if status not in {UNKNOWN, 503}:
                self.wrong.append(f"create: {status} {task}")
                return []
            open_ = True
        return []

    def _change(self, number: int) -> None:
        row, text = self.rows[number], uuid4().hex
        sent = time.monotonic()
        status, task = self._send("PUT", f"/{number}", {"description": text})
        if status == 200:
            row.descriptions = {text}
            self._compare(row, task)
            row.descriptions |= row.still_open()
        elif status == UNKNOWN:
            row.left_open[text] = sent
            row.descriptions.add(text)
        elif status != 503:
            self.wrong.append(f"change: {status}")

    def _toggle(self, number: int) -> None:
        row, sent = self.rows[number], time.monotonic()
        status, task = self._send("PATCH", f"/{number}/complete")
        if status == 200:
            row.completed = {not value for value in row.completed}
            self._compare(row, task)
            if sent - row.toggled > SETTLED_SECONDS:
                row.completed = {task["completed"]}
        elif status == UNKNOWN:
            row.completed, row.toggled = {True, False}, sent
        elif status != 503:
            self.wrong.append(f"toggle: {status}")

    def _delete(self, number: int) -> None:
        status, task = self._send("DELETE", f"/{number}")
        if status == 200:
            self._compare(self.rows[number], task)
        elif status not in {UNKNOWN, 503}:
            self.wrong.append(f"delete: {status}")
        self.rows[number].gone = {200: {True}, 503: {False}}.get(status, {True, False})

    def _compare(self, row: Row, task: Any) -> None:
        if not row.is_like(task):
            self.wrong.append(f"not as promised: {task} {row}")

    def _send(
        self, method: str, path: str, body: object = None, more: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        try:
            self._link.request(
                method,
                self._path + path,
                json.dumps(body) if body else None,
                {**self._head, **(more or {})},
            )
            with self._link.getresponse() as response:
                status, answer = response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self._link.close()
            status, answer = UNKNOWN, {}
        return self._noted(status, answer), answer

    def _noted(self, status: int, answer: Any) -> int:
        self.statuses[status] += 1
        if status < 300 and status and answer["user_id"] != self.name:
            self.wrong.append(f"foreign: {answer}")
        self.acknowledged += status in {200, 201}
        if status in {UNKNOWN, 503, 504}:
            time.sleep(PAUSE)
        return UNKNOWN if status == 504 else status


def broken(url: str, writers: list[Writer]) -> dict[str, list[object]]:
    """Every promise that the table does not keep, by its kind."""
    rows = {row[0]: row for row in ask(url, ROWS)}
    titles = Counter(title for _, _, title, *_ in rows.values())
    found: dict[str, list[object]] = {
        "doubled": [title for title, count in titles.items() if count > 1],
        "foreign": [row for row in rows.values() if not row[2].startswith(row[1])],
        "refused, and yet there": [w.name for w in writers if w.refused & titles.keys()],
        "wrong": [wrong for writer in writers for wrong in writer.wrong],
    }
    promised = {number: row for writer in writers for number, row in writer.rows.items()}
    found["lost"] = [row for number, row in promised.items() if not _kept(row, rows.get(number))]
    return found


def _kept(row: Row, found: tuple[Any, ...] | None) -> bool:
    if found is None:
        return False
    *task_values, is_deleted = found[2:]
    if is_deleted:
        return True in row.gone
    task = dict(zip(("title", "description", "completed"), task_values, strict=True))
    return False in row.gone and row.is_like(task)
