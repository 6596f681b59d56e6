"""Restarts and deaths under load: nothing that was asked gets lost, nothing is done twice."""

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.support.command import Command, running
from tests.support.metrics import total
from tests.support.parts import missing
from tests.support.stack import LIFTED, Stack, composed, until

pytestmark = pytest.mark.slow

CLIENTS = 8
SECONDS = 60
PAUSE = 6
POST = """
wrk.method, wrk.body = "POST", '{"title": "under load"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
done = function(summary)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %%d, "connect": %%d, "read": %%d, "write": %%d, ' ..
    '"status": %%d, "timeout": %%d}\\n',
    summary.requests, e.connect, e.read, e.write, e.status, e.timeout))
end
"""
METRICS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8000/metrics").read().decode())
"""
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


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack that lets one address ask as often as it can."""
    with composed(limits=LIFTED) as running:
        yield running


def wrk(stack: Stack, user: str) -> tuple[str, ...]:
    """A load of creates for some seconds; the counts are its last line."""
    if not shutil.which("wrk"):
        missing("wrk")
    token = stack.make("token", "FOR=compose", f"SUB={user}").strip()
    script = stack.data / "post.lua"
    script.write_text(POST % token)
    how = ("--threads=2", "--connections=16", "--timeout=15s", f"--duration={SECONDS}s")
    return ("wrk", *how, f"--script={script}", f"{stack.base_url}/api/{user}/tasks")


def disturb(stack: Stack, load: Command) -> None:
    """Three reloads of the master and three ends of a worker, while the load runs."""
    for _ in range(3):
        time.sleep(PAUSE)
        before = stack.workers()
        stack.signal(signal.SIGHUP, 1)
        stack.wait_for_workers(*before)
        time.sleep(PAUSE)
        [first, _] = stack.workers()
        stack.signal(signal.SIGTERM, first)
        stack.wait_for_workers(first)
    assert load.process.poll() is None, "the load ended too early"


def test_reloads_and_restarts_lose_no_write(stack: Stack) -> None:
    with running(*wrk(stack, "under-load")) as load:
        disturb(stack, load)
        load.process.wait(SECONDS * 2)
        counts = json.loads(load.output.splitlines()[-1])

    requests = counts.pop("requests")
    assert counts == {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
    assert requests >= 10_000
    made = int(stack.psql("SELECT count(*) FROM task WHERE user_id = 'under-load'"))
    assert requests <= made <= requests + 16  # those whose answers wrk did not wait for


def acknowledged(client: httpx.Client) -> tuple[str, int]:
    """Create one task under one key, again and again until the API says that it has it."""
    key = uuid4().hex
    while True:
        try:
            answer = client.post("/tasks", json={"title": key}, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            continue
        if answer.status_code == 201:
            return key, answer.json()["id"]
        assert answer.status_code in {502, 503, 504}, answer.text


def create_until(stop: threading.Event, stack: Stack) -> dict[str, int]:
    """The ids of the tasks that the API says it has, by key."""
    made = {}
    with stack.user("mortal") as client:
        client.event_hooks = {}
        while not stop.is_set():
            key, number = acknowledged(client)
            made[key] = number
    return made


def kill_both_workers(stack: Stack) -> list[int]:
    """One after the other, without warning; who came instead."""
    [first, second] = stack.workers()
    for number in (first, second):
        time.sleep(PAUSE)
        stack.signal(signal.SIGKILL, number)
        stack.wait_for_workers(number)
    time.sleep(PAUSE)
    return stack.wait_for_workers(first, second)


def all_serve(stack: Stack, workers: list[int]) -> bool:
    """Whether each of them has answered something, after some new connections."""
    stack.python(ASK)
    return all(int(stack.python(SERVED_BY % number)) > 0 for number in workers)


def test_killed_workers_lose_nothing_that_was_acknowledged(stack: Stack) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        loads = [pool.submit(create_until, stop, stack) for _ in range(CLIENTS)]
        try:
            workers = kill_both_workers(stack)
        finally:
            stop.set()
        made = {key: number for load in loads for key, number in load.result().items()}
    rows = stack.psql("SELECT title, id FROM task WHERE user_id = 'mortal'").splitlines()

    assert len(made) > 100
    assert sorted(rows) == sorted(f"{key}|{number}" for key, number in made.items())
    until(lambda: all_serve(stack, workers))


def test_the_numbers_add_up_after_the_deaths(stack: Stack) -> None:
    [first, _] = stack.workers()
    stack.signal(signal.SIGKILL, first)
    stack.wait_for_workers(first)
    before = total(stack.python(METRICS), "http_requests_total", handler="unmatched")
    assert {stack.status("/nothing") for _ in range(100)} == {404}

    after = total(stack.python(METRICS), "http_requests_total", handler="unmatched")
    assert after - before == 100
