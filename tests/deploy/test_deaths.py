"""Workers killed under load: only requests in flight fail, and no write is doubled."""

import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.support.observability.metrics import total
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS = 8
PAUSE = 6
SERVED_BY = """
from prometheus_client.mmap_dict import MmapedDict
values = MmapedDict.read_all_values_from_file("/run/app/metrics/counter_%d.db")
print(int(sum(value for key, value, *_ in values if "http_requests_total" in key)))
"""


ASK = """
import urllib.request
for _ in range(20):
    try: urllib.request.urlopen("http://127.0.0.1:8000/nothing")
    except urllib.error.HTTPError: pass
"""


class Creator:
    """Creates tasks, each with an idempotency key, and repeats each until it is acknowledged."""

    def __init__(self, client: httpx.Client, stop: threading.Event) -> None:
        self._client, self._stop = client, stop
        self.made: dict[str, int] = {}
        self.failures: Counter[int | None] = Counter()

    def work(self) -> None:
        """Create tasks until ``stop`` is set."""
        self._client.event_hooks = {}
        with self._client:
            while not self._stop.is_set():
                self._create(uuid4().hex)

    def _create(self, key: str) -> None:
        while key not in self.made:
            try:
                answer = self._client.post(
                    "/tasks", json={"title": key}, headers={"Idempotency-Key": key}
                )
            except httpx.RemoteProtocolError:  # killed between an answer's head and its body
                self.failures[None] += 1
                continue
            if answer.status_code == 201:
                self.made[key] = answer.json()["id"]
            else:
                self.failures[answer.status_code] += 1


def kill_both_workers(stack: Stack) -> list[int]:
    """Kill both workers, one after the other; the process ids of the new ones."""
    [first, second] = stack.workers()
    for number in (first, second):
        time.sleep(PAUSE)
        stack.signal(signal.SIGKILL, number)
        stack.wait_for_workers(number)
    time.sleep(PAUSE)
    return stack.wait_for_workers(first, second)


def every_worker_has_served(stack: Stack, workers: list[int]) -> bool:
    """Whether each worker has served a request after some new connections."""
    stack.python(ASK)
    return all(int(stack.python(SERVED_BY % number)) > 0 for number in workers)


def test_killed_workers_fail_only_requests_in_flight_and_lose_no_acknowledged_write(
    lifted: Stack,
) -> None:
    stop = threading.Event()
    creators = [Creator(lifted.user("mortal"), stop) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        loads = [pool.submit(creator.work) for creator in creators]
        try:
            workers = kill_both_workers(lifted)
        finally:
            stop.set()
        assert [load.result() for load in loads] == [None] * CLIENTS
    made = {key: number for creator in creators for key, number in creator.made.items()}
    failed = sum((creator.failures for creator in creators), Counter[int | None]())
    rows = lifted.psql("SELECT title, id FROM task WHERE user_id = 'mortal'").splitlines()
    print(len(made), "created,", dict(failed), "failed")

    assert len(made) > 100
    assert {*failed} <= {502, None}
    assert (
        failed.total() <= 2 * CLIENTS
    )  # two killed workers, at most one request in flight per client
    assert sorted(rows) == sorted(f"{key}|{number}" for key, number in made.items())
    wait_until(lambda: every_worker_has_served(lifted, workers))


def test_counters_add_up_after_a_worker_was_killed(lifted: Stack) -> None:
    [first, _] = lifted.workers()
    lifted.signal(signal.SIGKILL, first)
    lifted.wait_for_workers(first)
    before = unmatched(lifted)
    assert {lifted.status("/nothing") for _ in range(100)} == {404}

    wait_until(lambda: unmatched(lifted) - before >= 100)
    assert unmatched(lifted) - before == 100


def unmatched(stack: Stack) -> float:
    """How many requests for unknown paths were counted; each is once its answer is sent."""
    return total(stack.metrics(), "http_requests_total", handler="unmatched")
