"""Workers without a database, killed, or with a blocked event loop."""

import json
import os
import shlex
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import psycopg2
import pytest

from tests.support.command import ROOT, data_directory, free_port, is_free, running
from tests.support.database.faulty_proxy import faulty_proxy
from tests.support.http.client import User, token
from tests.support.http.gunicorn import COMMAND, Gunicorn, gunicorn
from tests.support.http.server import SECRET
from tests.support.observability.metrics import scrape, total
from tests.support.required_tools import require_tool, skip_without
from tests.support.waiting import wait_until

PATIENCE = 30
STUCK = 6
RESTARTS = 5
UNFINISHED_BODIES, MAX_IN_FLIGHT = 620, 256
PRIVATE_MOUNTS = ("--user", "--map-root-user", "--mount")
# Limits long enough for a request to stay blocked.
WAITING = {
    "STATEMENT_TIMEOUT_SECONDS": "10",
    "DATABASE_DEADLINE_SECONDS": "10",
    "POOL_WAIT_SECONDS": "10",
}


def kill_first(api: Gunicorn) -> None:
    """Kill one of two workers, and wait for its replacement."""
    before = api.workers()
    api.kill(before[0])
    wait_until(lambda: len(now := api.workers()) == 2 and before[0] not in now)


def test_the_api_starts_without_its_database_and_recovers(database_url: str) -> None:
    with faulty_proxy(database_url) as (door, url):
        door.refuse_connections = True
        with gunicorn(url, CONNECT_DEADLINE_SECONDS="1") as api, User(api.base, "early") as user:
            refused = user.get(user.tasks)
            kill_first(api)
            lives = [httpx.get(f"{api.base}/livez").status_code for _ in range(20)]
            master = api.command.process.poll()
            door.refuse_connections = False
            wait_until(lambda: user.get(user.tasks).status_code == 200)

    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert lives == [200] * 20
    assert master is None


def test_a_killed_master_leaves_no_worker_and_a_free_port(database_url: str) -> None:
    with gunicorn(database_url) as api:
        workers, port = api.workers(), int(api.base.rpartition(":")[2])
        os.kill(api.command.process.pid, signal.SIGKILL)
        api.command.process.wait()
        wait_until(lambda: is_free(port))
        wait_until(lambda: not any(Path(f"/proc/{number}").exists() for number in workers))


def test_requests_in_flight_of_a_killed_worker_are_not_counted(database_url: str) -> None:
    with gunicorn(database_url, 0, **WAITING) as api, ThreadPoolExecutor(STUCK) as pool:
        connection = psycopg2.connect(database_url)
        connection.cursor().execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
        with User(api.base, "stuck") as user:
            user.event_hooks = {}
            stuck = [pool.submit(user.get, user.tasks) for _ in range(STUCK)]
            wait_until(lambda: total(scrape(api.base), "tasks_api_in_flight") == STUCK)
            for number in api.workers():
                api.kill(number)
            ends = [type(each.exception()) for each in stuck]
        connection.close()
        api.wait_until_ready()
        wait_until(lambda: total(scrape(api.base), "tasks_api_in_flight") == 0)

    assert len(ends) == STUCK
    assert type(None) not in ends


def test_unfinished_bodies_of_one_user_leave_others_served(database_url: str) -> None:
    head = (
        "POST /api/greedy/tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token('greedy')}\r\nContent-Length: 20\r\n\r\n{{"
    )
    # The kernel may give most connections to one of several workers, so there is one.
    settings = {"WORKERS": "1", "REQUEST_DEADLINE_SECONDS": "60"}
    with (
        gunicorn(database_url, 0, **settings, MAX_IN_FLIGHT=f"{MAX_IN_FLIGHT}") as api,
        ExitStack() as open_,
        User(api.base, "other") as other,
    ):
        address = ("127.0.0.1", int(api.base.rpartition(":")[2]))
        for _ in range(UNFINISHED_BODIES):
            connection = open_.enter_context(socket.create_connection(address, 10))
            connection.sendall(head.encode())
        wait_until(lambda: total(scrape(api.base), "tasks_api_in_flight") == MAX_IN_FLIGHT / 2)
        statuses = {other.get(other.tasks).status_code for _ in range(20)}
        made = [other.add() for _ in range(20)]

    assert statuses == {200}
    assert len(made) == 20


def requests(api: Gunicorn) -> int:
    """How many requests were counted."""
    return int(total(scrape(api.base), "http_requests_total"))


def test_files_of_exited_workers_are_archived_and_counters_never_decrease(
    database_url: str,
) -> None:
    with gunicorn(database_url) as api:
        counts, folder = [0], api.data / "metrics"
        for _ in range(RESTARTS):
            for _ in range(10):
                httpx.get(f"{api.base}/nothing")
            # A request is counted once its answer is sent.
            wait_until(lambda: requests(api) == counts[-1] + 10)
            kill_first(api)
            counts.append(requests(api))
        processes = {api.command.process.pid, *api.workers()}
        api.wait_until_ready()
        left = {path.stem.rpartition("_")[2] for path in folder.glob("*.db")}

    assert counts == [10 * n for n in range(RESTARTS + 1)]
    assert left <= {f"{number}" for number in processes} | {"archive"}


def test_workers_serve_without_metrics_when_their_folder_is_full(
    database_url: str, tmp_path: Path
) -> None:
    unshare = require_tool("unshare")
    if subprocess.run([unshare, *PRIVATE_MOUNTS, "true"], check=False).returncode:
        skip_without("a private file system, which this user may not create")
    mount = f"mount -t tmpfs -o size=380k tmpfs {shlex.quote(str(tmp_path))} && exec "
    command = (unshare, *PRIVATE_MOUNTS, "sh", "-c", mount + " ".join(COMMAND))
    with gunicorn(database_url, command=command, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as api:
        with User(api.base, "full") as user:
            made = [user.add() for _ in range(20)]
            listed = user.all()
        before = api.workers()
        warnings = [line for line in api.command.output.splitlines() if "not_written" in line]
        scraped = httpx.get(f"{api.base}/metrics").status_code

        assert api.workers() == before
        assert (len(made), len(listed), scraped) == (20, 20, 200)
        assert len(warnings) == len(before)


@pytest.mark.slow
def test_a_restart_resets_the_counters(database_url: str, tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        with gunicorn(database_url, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as api:
            counts.append(requests(api))
            httpx.get(f"{api.base}/nothing")
            wait_until(lambda: requests(api) > counts[-1])
            counts.append(requests(api))

    assert counts == [0, 1, 0, 1]


@pytest.mark.slow
def test_a_worker_with_a_blocked_loop_is_killed_and_every_line_is_json(database_url: str) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with data_directory() as data:
        settings = {
            "DATABASE_URL": database_url,
            "BETTER_AUTH_SECRET": SECRET,
            "PORT": f"{port}",
            "PROMETHEUS_MULTIPROC_DIR": f"{data}/metrics",
        }
        words = (*COMMAND, "--timeout=2", "tests.deploy.blocking_app:app")
        with running(*words, cwd=ROOT, settings=settings) as command:
            api = Gunicorn(command, data, base)
            api.wait_until_ready()
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{base}/block", timeout=PATIENCE)
            wait_until(lambda: len(api.workers()) == 2)
            api.wait_until_ready()
            written = [json.loads(line) for line in command.output.splitlines()]
            errors = command.errors

    assert errors == ""
    assert any("WORKER TIMEOUT" in line["event"] for line in written)
