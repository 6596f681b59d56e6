"""Name servers that fail: answers come in time, and none fails once the name was resolved."""

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from api.database import resolver
from api.telemetry import logs
from tests.api.resilience.liveness import alive, check_alive
from tests.support.database.dns import PORT, forward, isolated
from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.name_server import LOOKUP_SECONDS, TROUBLES, name_server
from tests.support.database.restartable_postgres import restartable_postgres
from tests.support.http.background_traffic import OPERATIONS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.waiting import wait_until

BUDGET, SLACK, RECOVERY_SECONDS = 1.0, 4, 5
AT_ONCE = ["list", "create", "list", "create"]
TIMES = 6


@pytest.fixture(scope="module")
def named() -> Iterator[tuple[str, str]]:
    """The URL of a database by a name, and the path of its socket."""
    with readable_folder() as sockets:
        sockets.chmod(0o777)
        with restartable_postgres("-k", f"{sockets}") as server:
            url = make_url(server.url).set(host="db.example.com", port=PORT)
            plain = url.update_query_dict({"sslmode": "disable"})
            path = f"{sockets}/.s.PGSQL.{server.port}"
            yield plain.render_as_string(hide_password=False), path


@pytest.mark.slow
def test_silent_name_server_is_503_in_time_until_it_answers(
    named: tuple[str, str], tmp_path: Path
) -> None:
    said = isolated(f"{__name__}:report{named}".replace("'", '"'), tmp_path)

    first, later, recovered = json.loads(said.splitlines()[-1])
    assert {status for status, _ in first + later} == {503}
    assert max(seconds for _, seconds in first) <= BUDGET + SLACK
    assert max(seconds for _, seconds in later) <= BUDGET + SLACK
    assert recovered < RECOVERY_SECONDS


def test_failing_name_server_fails_no_request_once_the_name_was_resolved(
    named: tuple[str, str], tmp_path: Path
) -> None:
    said = isolated(f"{__name__}:report_trouble{named}".replace("'", '"'), tmp_path)

    found = json.loads(said.splitlines()[-1])
    expected = {"statuses": [200, 201] * (TIMES // 2), "warnings": 1}
    assert found == dict.fromkeys(TROUBLES, expected)


def report(url: str, path: str) -> None:
    """In a network of its own: print what four at once were answered, twice, and the recovery."""
    logs.configure("error", sys.stderr.fileno())
    forward(path)
    settings = make_settings(database_url=url, connect_deadline_seconds=BUDGET)
    with name_server() as names, serve(settings) as base, User(base, "lost") as user:
        with alive(base) as lives, ThreadPoolExecutor(len(AT_ONCE)) as pool:
            rounds = []
            for _ in range(2):
                answers = [*pool.map(lambda name: OPERATIONS[name](user, 0), AT_ONCE)]
                rounds.append([(a.status_code, a.elapsed.total_seconds()) for a in answers])
        check_alive(lives)
        names.answer_all()
        begun = time.monotonic()
        while not user.get(user.tasks).is_success:
            time.sleep(0.05)
        assert user.add()
        print(json.dumps([*rounds, time.monotonic() - begun]), flush=True)
        os._exit(0)  # not to wait for the threads that still ask


def report_trouble(url: str, path: str) -> None:
    """In a network of its own: print what reads and writes are answered under each trouble."""
    read, write = os.pipe()
    logs.configure("warning", write)
    forward(path)
    # Each message needs a new connection, and each of those a look-up.
    settings = make_settings(database_url=url, pool_idle_seconds=0.001)
    found: dict[str, object] = {}
    with serve(settings) as base, User(base, "patient") as user:
        for trouble, begin in TROUBLES.items():
            with name_server() as names:
                names.answer_all()
                wait_until(lambda: looks_up(user))
                begin(names)
                statuses = [send_alone(user, number) for number in range(TIMES)]
                time.sleep(LOOKUP_SECONDS)
            warnings = os.read(read, 65_536).count(b"name_lookup_failed")
            found[trouble] = {"statuses": statuses, "warnings": warnings}
        print(json.dumps(found), flush=True)
        os._exit(0)  # not to wait for the threads that still ask


def looks_up(user: User) -> bool:
    """Whether a request was answered sooner than with the addresses of before."""
    answer = user.get(user.tasks)
    assert answer.is_success
    return answer.elapsed.total_seconds() < resolver.LOOKUP_SECONDS


def send_alone(user: User, number: int) -> int:
    """The status of a read or a write that finds no connection."""
    time.sleep(0.01)
    return OPERATIONS[("list", "create")[number % 2]](user, 0).status_code
