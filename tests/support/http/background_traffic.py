"""Users that send requests while a test injects a fault, and the answers they got."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple
from uuid import uuid4

import httpx2 as httpx

from tests.support.http.client import User

Send = Callable[[User, int], httpx.Response]

PATIENCE = 60
READS: dict[str, Send] = {
    "list": lambda user, _: user.get(user.tasks, params={"limit": 20}),
    "read": lambda user, task: user.get(user.one(task)),
}
# A second time they do what they did the first time.
IDEMPOTENT: dict[str, Send] = {
    **READS,
    "create": lambda user, _: user.post(user.tasks, json={"title": "new"}),
    "put": lambda user, task: user.put(user.one(task), json={"title": "other"}),
    "patch": lambda user, task: user.patch(user.one(task), json={"priority": "high"}),
    "set": lambda user, task: user.patch(f"{user.one(task)}/complete", json={"completed": True}),
}
NOT_IDEMPOTENT: dict[str, Send] = {
    "toggle": lambda user, task: user.patch(f"{user.one(task)}/complete"),
    "delete": lambda user, task: user.delete(user.one(task)),
}
OPERATIONS = {**IDEMPOTENT, **NOT_IDEMPOTENT}


class TimedResponse(NamedTuple):
    """An answer's status, when its request was sent, and how long it took, in seconds."""

    operation: str
    status: int
    started: float
    seconds: float


class Traffic:
    """``answers``, in the order in which they came."""

    def __init__(self) -> None:
        self.answers: list[TimedResponse] = []

    def failed(self) -> Counter[tuple[str, int]]:
        """Every answer that is no success, by operation and status."""
        return Counter((a.operation, a.status) for a in self.answers if a.status >= 300)

    def statuses(self, *operations: str) -> set[int]:
        """What these operations were answered."""
        return {a.status for a in self.answers if a.operation in operations}

    def slowest(self) -> float:
        """The longest wait for an answer."""
        return max(answer.seconds for answer in self.answers)

    def wait_for(self, more: int) -> None:
        """Until so many more answers came."""
        enough, end = len(self.answers) + more, time.monotonic() + PATIENCE
        while len(self.answers) < enough:
            assert time.monotonic() < end, self.answers[-3:]
            time.sleep(0.01)

    def work(self, base_url: str, done: threading.Event, pause: float) -> None:
        """Send requests of one user until ``done`` is set."""
        with User(base_url, f"user-{uuid4().hex}") as user:
            tasks: list[int] = []
            while not done.wait(pause):
                name = random.choice([*OPERATIONS]) if len(tasks) > 1 else "create"
                task = tasks.pop() if name == "delete" else next(iter(tasks), 0)
                started = time.monotonic()
                response = OPERATIONS[name](user, task)
                seconds = time.monotonic() - started
                self.answers.append(TimedResponse(name, response.status_code, started, seconds))
                if name == "create" and response.status_code == 201:
                    tasks.append(response.json()["id"])


@contextmanager
def background_traffic(base_url: str, users: int = 6, pause: float = 0.005) -> Iterator[Traffic]:
    """Users that send requests until the block ends; ``pause`` in seconds."""
    load, done = Traffic(), threading.Event()
    with ThreadPoolExecutor(users) as pool:
        try:
            days = [pool.submit(load.work, base_url, done, pause) for _ in range(users)]
            load.wait_for(users)
            yield load
        finally:
            done.set()
        for day in days:
            day.result()
