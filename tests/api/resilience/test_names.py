"""A name server that says nothing: the API answers in time, lives, and recovers when it speaks."""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from api.telemetry import logs
from tests.api.resilience.liveness import alive, check_alive
from tests.support.database.dns import PORT, forward, isolated, resolver
from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.restartable_postgres import restartable_postgres
from tests.support.http.background_traffic import OPERATIONS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

BUDGET, SLACK, RECOVERY_SECONDS = 1.0, 0.5, 5
AT_ONCE = ["list", "create", "list", "create"]


@pytest.mark.slow
def test_a_silent_name_server_is_a_503_in_time_until_it_speaks(tmp_path: Path) -> None:
    with readable_folder() as sockets:
        sockets.chmod(0o777)
        with restartable_postgres("-k", f"{sockets}") as server:
            url = make_url(server.url).set(host="db.example.com", port=PORT)
            named = url.update_query_dict({"sslmode": "disable"})
            text = named.render_as_string(hide_password=False)
            path = f"{sockets}/.s.PGSQL.{server.port}"
            said = isolated(f'{__name__}:report("{text}", "{path}")', tmp_path)

    first, later, recovered = json.loads(said.splitlines()[-1])
    assert {status for status, _ in first + later} == {503}
    assert max(seconds for _, seconds in first) <= BUDGET + SLACK
    assert max(seconds for _, seconds in later) <= BUDGET + SLACK
    assert recovered < RECOVERY_SECONDS


def report(url: str, path: str) -> None:
    """In a network of its own: print what four at once were answered, twice, and the recovery."""
    logs.configure("error", sys.stderr.fileno())
    forward(path)
    settings = make_settings(database_url=url, connect_deadline_seconds=BUDGET)
    with resolver() as speaks, serve(settings) as base, User(base, "lost") as user:
        with alive(base) as lives, ThreadPoolExecutor(len(AT_ONCE)) as pool:
            rounds = []
            for _ in range(2):
                answers = [*pool.map(lambda name: OPERATIONS[name](user, 0), AT_ONCE)]
                rounds.append([(a.status_code, a.elapsed.total_seconds()) for a in answers])
        check_alive(lives)
        speaks.set()
        begun = time.monotonic()
        while not user.get(user.tasks).is_success:
            time.sleep(0.05)
        assert user.add()
        print(json.dumps([*rounds, time.monotonic() - begun]), flush=True)
        os._exit(0)  # not to wait for the threads that still ask
