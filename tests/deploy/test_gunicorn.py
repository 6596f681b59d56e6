"""Metrics across workers: killed, reloaded, and under hostile requests."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from tests.deploy.local_run import READY, lines
from tests.support.command import Command, data_directory, free_port, processes_using, running
from tests.support.observability.metrics import series, total

PATIENCE = 20


@pytest.fixture
def started() -> Iterator[tuple[Command, Path, str]]:
    """``make run`` with two workers: the command, its data directory and its address."""
    port = free_port()
    with (
        data_directory() as path,
        running("make", "run", f"DATA_DIR={path}", f"PORT={port}", "WORKERS=2") as command,
    ):
        command.wait_for(READY)
        yield command, path, f"http://127.0.0.1:{port}"


def processes(data: Path) -> tuple[int, list[int]]:
    """The process ids of the master and of its workers."""
    numbers = sorted(n for n, text in processes_using(data).items() if "-m gunicorn" in text)
    parents = {n: psutil.Process(n).ppid() for n in numbers}
    [master] = [n for n in numbers if parents[n] not in numbers]
    return master, [n for n in numbers if parents[n] == master]


def wait_for_workers(data: Path, gone: int) -> None:
    """Wait until two workers run that are not ``gone``."""
    end = time.monotonic() + PATIENCE
    while len(running_now := processes(data)[1]) != 2 or gone in running_now:
        assert time.monotonic() < end, running_now
        time.sleep(0.05)


def test_metrics_sum_over_all_workers_and_survive_a_killed_one(
    started: tuple[Command, Path, str],
) -> None:
    command, data, base = started
    for _ in range(40):
        httpx.get(f"{base}/nothing")
    before = httpx.get(f"{base}/metrics").text
    _, [first, _] = processes(data)
    os.kill(first, signal.SIGKILL)
    wait_for_workers(data, first)
    (data / "metrics" / "counter_99999.db").touch()
    after = httpx.get(f"{base}/metrics").text

    assert total(before, "http_requests_total", handler="unmatched") == 40
    assert total(after, "http_requests_total", handler="unmatched") == 40
    assert total(after, "tasks_api_worker_exits_total") == 1
    assert total(after, "tasks_api_build_info") == 1
    assert all(isinstance(line, dict) for line in lines(command))


def test_a_reload_keeps_the_counters(started: tuple[Command, Path, str]) -> None:
    _, data, base = started
    for _ in range(10):
        httpx.get(f"{base}/nothing")
    master, [first, _] = processes(data)
    os.kill(master, signal.SIGHUP)
    wait_for_workers(data, first)

    found = httpx.get(f"{base}/metrics").text
    assert total(found, "http_requests_total", handler="unmatched") == 10


@pytest.mark.slow
def test_hostile_requests_create_a_bounded_number_of_series(
    started: tuple[Command, Path, str],
) -> None:
    _, _, base = started
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "TRACE"):
        for path in ("", "/1", "/x", "/1/complete", "/1/", "/../1", f"/{'9' * 400}"):
            for user in ("alice", "bob%00", "a" * 900):
                httpx.request(method, f"{base}/api/{user}/tasks{path}?{method}={path}")

    assert len(series(httpx.get(f"{base}/metrics").text)) <= 1500
