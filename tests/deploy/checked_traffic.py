"""Users of a stack whose every acknowledged change is compared with what is stored in the end."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.support.http.client import token
from tests.support.stack.compose_stack import Stack

USERS = 8
PAUSE_SECONDS = 0.05
MOST_TASKS = 30
ATTEMPTS = 50
READS = ("list", "read")
WRITES = ("create", "put", "patch", "set", "toggle", "delete")
Task = dict[str, Any]


@dataclass
class CheckedUser:
    """One user on one kept connection, one request after the other.

    ``secrets`` are the ones of which the stack may accept either: while a changed secret is
    rolled out, the user signs again after a 401.
    """

    stack: Stack
    secrets: list[str]
    verify: bool
    user_id: str = field(default_factory=lambda: f"user-{uuid4().hex}")
    tasks: dict[int, Task] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    uncertain: set[int] = field(default_factory=set)
    requests: int = 0
    acknowledged: int = 0
    slowest: float = 0.0

    def work(self, done: threading.Event) -> None:
        """Send requests until ``done``, then compare the stored tasks with the acknowledged."""
        self.path = f"/api/{self.user_id}/tasks"
        trust = self.stack.trust() if self.verify else False
        with httpx.Client(base_url=self.stack.base_url, verify=trust, timeout=60) as self.client:
            while not done.wait(PAUSE_SECONDS):
                self._step()
            stored = {t["id"]: _shape(t) for t in self._list()}
        expected = {number: _shape(task) for number, task in self.tasks.items()}
        certain = {n: t for n, t in stored.items() if n not in self.uncertain}
        self.lost_or_wrong = {n: t for n, t in expected.items() if certain.get(n) != t}
        self.doubled = certain.keys() - expected.keys()

    def _step(self) -> None:
        name = random.choice((*READS, *WRITES))
        if name == "create" or not self.tasks:
            self._create()
        elif name == "list":
            self._send("list", "GET", "", params={"limit": 20})
        elif name == "delete" or len(self.tasks) > MOST_TASKS:
            self._change("delete", "DELETE")
        elif name == "read":
            self._send("read", "GET", f"/{next(iter(self.tasks))}")
        elif name == "put":
            self._change("put", "PUT", json={"title": uuid4().hex})
        elif name == "patch":
            self._change("patch", "PATCH", json={"priority": random.choice(("low", "high"))})
        elif name == "set":
            self._change("set", "PATCH", "/complete", json={"completed": True})
        else:
            self._change("toggle", "PATCH", "/complete")

    def _create(self) -> None:
        title = uuid4().hex
        answer = self._send("create", "POST", "", json={"title": title})
        if answer is None:
            # It may have been stored; a second one with this title would be a duplicate.
            self.uncertain |= {t["id"] for t in self._list() if t["title"] == title}
        else:
            self.tasks[answer["id"]] = answer
            self.acknowledged += 1

    def _change(self, name: str, method: str, end: str = "", **content: Any) -> None:
        number = random.choice([*self.tasks])
        answer = self._send(name, method, f"/{number}{end}", **content)
        if answer is None:
            self.uncertain.add(number)
            self.tasks.pop(number)
            return
        self.acknowledged += 1
        before = self.tasks.pop(number)
        if name == "toggle" and answer["completed"] == before["completed"]:
            self.failures["toggle was applied twice"] += 1
        if name != "delete":
            self.tasks[number] = answer

    def _send(self, name: str, method: str, end: str, **content: Any) -> Any:
        """The answer's document, or None for a failed request."""
        self.requests += 1
        started = time.monotonic()
        try:
            response = self._signed(method, end, **content)
        except httpx.TransportError as error:
            self.failures[f"{name} {type(error).__name__}"] += 1
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - started)
        if not response.is_success:
            self.failures[f"{name} {response.status_code} {response.json().get('code')}"] += 1
            return None
        return response.json()

    def _signed(self, method: str, end: str, **content: Any) -> httpx.Response:
        for _ in range(ATTEMPTS):
            headers = {"Authorization": f"Bearer {token(self.user_id, secret=self.secrets[0])}"}
            response = self.client.request(method, self.path + end, headers=headers, **content)
            if response.status_code != httpx.codes.UNAUTHORIZED or len(self.secrets) == 1:
                break
            # At random: alternating could coincide with nginx's round robin.
            random.shuffle(self.secrets)
        return response

    def _list(self) -> list[Task]:
        for _ in range(ATTEMPTS):
            response = self._signed("GET", "")
            if response.is_success:
                break
            self.failures[f"list {response.status_code}"] += 1
            time.sleep(0.5)
        tasks: list[Task] = response.json()
        return tasks


def _shape(task: Task) -> tuple[object, ...]:
    return tuple(task[name] for name in ("title", "completed", "priority", "user_id"))


class CheckedTraffic:
    """All users; the numbers are complete after the block of ``checked_traffic``."""

    def __init__(self, users: list[CheckedUser]) -> None:
        self.users = users

    @property
    def requests(self) -> int:
        """The number of requests so far."""
        return sum(user.requests for user in self.users)

    @property
    def failures(self) -> Counter[str]:
        """Failed requests by operation and status or exception."""
        return sum((user.failures for user in self.users), Counter[str]())

    def table_row(self, name: str, seconds: float) -> str:
        """Requests, acknowledged writes, failures and times, for the report."""
        acknowledged = sum(user.acknowledged for user in self.users)
        slowest = max(user.slowest for user in self.users)
        return (
            f"| {name} | {self.requests} requests | {acknowledged} writes | {seconds:.0f} s "
            f"| slowest {slowest:.2f} s | {dict(self.failures)} |"
        )

    def check_storage(self) -> None:
        """Nothing acknowledged is lost or different, and nothing is stored twice."""
        assert [user.lost_or_wrong for user in self.users if user.lost_or_wrong] == []
        assert [user.doubled for user in self.users if user.doubled] == []


@contextmanager
def checked_traffic(
    stack: Stack, name: str, *secrets: str, verify: bool = True
) -> Iterator[CheckedTraffic]:
    """Users at work until the block ends; then prints a row and checks what is stored.

    Without ``verify`` they accept any certificate, since a renewal replaces the one they trust.
    """
    known = list(secrets) or [stack.run("api", "cat", "/run/secrets-api/better_auth_secret")]
    users = [CheckedUser(stack, list(known), verify) for _ in range(USERS)]
    done, started = threading.Event(), time.monotonic()
    traffic = CheckedTraffic(users)
    with ThreadPoolExecutor(USERS) as pool:
        work = [pool.submit(user.work, done) for user in users]
        try:
            time.sleep(2)  # all connections are open
            yield traffic
            time.sleep(2)
        finally:
            done.set()
        for each in work:
            each.result()
    print(traffic.table_row(name, time.monotonic() - started))
    traffic.check_storage()
