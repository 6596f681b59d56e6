"""Each incident shows on the panel where an engineer on call looks for it."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.observability.monitored_stack import MonitoredStack, one_create, user_traffic
from tests.support.http.client import token
from tests.support.stack.compose_stack import NO_LIMITS

pytestmark = pytest.mark.slow


def test_a_wrong_secret_shows_as_authentication_failures(site: MonitoredStack) -> None:
    with site.stack.user("mallory") as mallory:
        mallory.headers["Authorization"] = f"Bearer {token('mallory', secret='x' * 48)}"
        for _ in range(10):
            assert mallory.get("/tasks").status_code == 401

    site.wait_for_panel("Authentication failures by reason", lambda rate: rate > 0, "bad_signature")
    site.wait_for_panel("Errors by status", lambda rate: rate > 0, "401")


def test_a_client_above_the_rate_limit_shows_as_429(site: MonitoredStack) -> None:
    with site.stack.user("eager") as eager:
        assert 429 in {eager.get("/tasks").status_code for _ in range(200)}

    site.wait_for_panel("Rate-limited requests (429)", lambda rate: rate > 0)


def test_a_restarted_edge_exporter_counts_on(site: MonitoredStack) -> None:
    site.stack.compose("restart", "edge")
    # It takes nginx's log before it is healthy.
    site.stack.compose("up", "--detach", "--wait", "--no-recreate", "edge")
    with site.stack.user("eve") as eve:
        for _ in range(10):
            assert eve.put("/tasks").status_code == 405
            time.sleep(0.1)

    site.wait_for(
        'edge_requests_total{status="405",answered_by="api"}', lambda count: 0 < count <= 10
    )


def test_requests_of_killed_workers_show_at_the_edge_only(site: MonitoredStack) -> None:
    site.stack.set_limits(NO_LIMITS)
    before = site.failures()
    with ThreadPoolExecutor(1) as pool, user_traffic(site.stack, 8, pause=0.005, work=one_create):
        # Far below the statement's limit of 1.5 s: the machine is busy with the new workers.
        held = pool.submit(site.lock_task_table, 12, 0.4)
        time.sleep(2)
        for worker in site.stack.workers():
            site.stack.signal(signal.SIGKILL, worker)
        held.result()

    site.wait_for_panel("5xx by nginx and by the API", lambda rate: rate > 0, query=0)
    site.wait_for_panel("Worker exits", lambda exits: exits >= 1)
    assert site.failures() == before


def test_an_exhausted_pool_shows_as_pool_wait(site: MonitoredStack) -> None:
    site.stack.set_limits(NO_LIMITS)
    with user_traffic(site.stack, 40, pause=0.01):
        site.lock_task_table(turns=3, seconds=1.2)

    site.wait_for_panel("Pool wait time", lambda seconds: seconds > 0.05, query=1)
    site.wait_for_panel("Database errors by cause", lambda rate: rate > 0, "pool_wait")
    site.wait_for_panel("Errors by code", lambda rate: rate > 0, "overloaded")
