"""Reloads and worker restarts under load."""

import signal
import time

import pytest

from tests.deploy.wrk_creates import CONNECTIONS, Load, creating
from tests.support.stack.compose_stack import Stack

pytestmark = pytest.mark.slow

SECONDS = 300  # the load is stopped sooner
PAUSE = 6


def disturb(stack: Stack, load: Load) -> None:
    """Reload the master and stop a worker, three times each, under load."""
    for _ in range(3):
        time.sleep(PAUSE)
        before = stack.workers()
        stack.signal(signal.SIGHUP, 1)
        stack.wait_for_workers(*before)
        time.sleep(PAUSE)
        [first, _] = stack.workers()
        stack.signal(signal.SIGTERM, first)
        stack.wait_for_workers(first)
    assert not load.is_over(), "the load ended too early"


def test_reloads_and_worker_restarts_fail_no_request(lifted: Stack) -> None:
    with creating(lifted, "under-load", SECONDS) as load:
        disturb(lifted, load)
        counts = load.stop()
    print(counts)

    requests = counts.pop("requests")
    failed = [line for line in lifted.logs("api")[0] if '"level":"error"' in line]
    assert counts == {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}, failed
    assert requests >= 5_000
    made = int(lifted.psql("SELECT count(*) FROM task WHERE user_id = 'under-load'"))
    assert requests <= made <= requests + CONNECTIONS  # requests in flight when wrk ended
