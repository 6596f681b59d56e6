"""A well-behaved user as a process: ``python -m tests.deploy.neighbour``.

It reads ``Plan`` as JSON from standard input, works at a steady rate, and prints the status and the
seconds of each response. A request without a response has status 0.
"""

import json
import ssl
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import cycle, islice

import httpx2 as httpx

TIMEOUT_SECONDS = 10
THREADS = 8


@dataclass(frozen=True)
class Plan:
    """Where the user works, with which token, from which address, how long and how often."""

    url: str
    certificate: str
    token: str
    address: str
    seconds: float
    per_second: float

    def to_json(self) -> str:
        """What the process reads."""
        return json.dumps(asdict(self))


Outcome = tuple[int, float]
Operation = Callable[[httpx.Client, int], httpx.Response]
OPERATIONS: tuple[Operation, ...] = (
    lambda user, _: user.get("/tasks", params={"limit": 20}),
    lambda user, _: user.post("/tasks", json={"title": "Buy milk"}),
    lambda user, task: user.get(f"/tasks/{task}"),
    lambda user, task: user.patch(f"/tasks/{task}/complete"),
    lambda user, task: user.put(f"/tasks/{task}", json={"priority": "high"}),
)


def work(plan: Plan) -> list[Outcome]:
    """The outcomes of requests that are sent at their time, whether or not others are answered."""
    headers = {"Authorization": f"Bearer {plan.token}", "X-Forwarded-For": plan.address}
    trust = ssl.create_default_context(cafile=plan.certificate)
    with (
        httpx.Client(
            base_url=plan.url, headers=headers, verify=trust, timeout=TIMEOUT_SECONDS
        ) as user,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        task = user.post("/tasks", json={"title": "The first"}).json()["id"]
        start, futures = time.monotonic(), []
        number = round(plan.seconds * plan.per_second)
        for turn, operation in enumerate(islice(cycle(OPERATIONS), number)):
            time.sleep(max(start + turn / plan.per_second - time.monotonic(), 0))
            futures.append(pool.submit(_timed, operation, user, task))
        return [future.result() for future in futures]


def _timed(operation: Operation, user: httpx.Client, task: int) -> Outcome:
    started = time.monotonic()
    try:
        status = operation(user, task).status_code
    except httpx.TransportError:
        status = 0
    return status, time.monotonic() - started


if __name__ == "__main__":
    print(json.dumps(work(Plan(**json.load(sys.stdin)))))
