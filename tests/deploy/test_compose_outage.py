"""The Compose stack while idle, during a database outage, and after ``make down``."""

import signal
import time
from collections.abc import Iterator

import pytest
import yaml

from tests.support.command import ROOT
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

LIVE = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/livez').status)"
PROBES = ["/livez", "/healthz", "/readyz", "/startupz"]
IDLE_SECONDS = 20
VOLUMES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["volumes"]


@pytest.fixture
def audited(stack: Stack) -> Iterator[Stack]:
    """The stack while its database logs every statement."""
    stack.psql("ALTER SYSTEM SET log_statement = 'all'")
    stack.psql("SELECT pg_reload_conf()")
    wait_until(lambda: stack.psql("SHOW log_statement") == "all")
    yield stack
    stack.psql("ALTER SYSTEM RESET log_statement")
    stack.psql("SELECT pg_reload_conf()")


def statements(stack: Stack) -> list[str]:
    """The statements in the database's log."""
    return [line for line in stack.logs("db")[1] if "statement: " in line]


def test_probes_and_scrapes_send_no_sql(audited: Stack) -> None:
    with audited.user("carol") as carol:
        before = statements(audited)
        end = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < end:
            assert {audited.status(path) for path in PROBES} == {200}
            assert "tasks_api_build_info" in audited.metrics()
        idle = statements(audited)
        carol.get("/tasks")
        wait_until(lambda: statements(audited) != idle)

    assert idle == before


def test_the_api_starts_and_recovers_without_its_database(stack: Stack) -> None:
    with stack.user("dave") as dave:
        task = dave.post("/tasks", json={"title": "before"}).json()
        stack.compose("stop", "db")
        stack.docker("restart", stack.container("api"))
        started = stack.inspect("api")["State"]["StartedAt"]
        wait_until(lambda: stack.status() == 200)
        refused = dave.get("/tasks")
        [first, _] = stack.wait_for_workers()
        stack.signal(signal.SIGKILL, first)
        stack.wait_for_workers(first)
        alive = stack.python(LIVE)
        still_refused = dave.post("/tasks", json={"title": "lost"})
        stack.compose("start", "db")
        wait_until(lambda: dave.get("/tasks").status_code == 200)
        found = dave.get("/tasks").json()

    for answer in (refused, still_refused):
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert alive == "200"
    assert found == [task]
    assert stack.inspect("api")["State"]["StartedAt"] == started


def test_make_down_keeps_data_secrets_and_certificate(stack: Stack) -> None:
    certificate = stack.data / "tls.crt"
    with stack.user("erin") as erin:
        task = erin.post("/tasks", json={"title": "kept"}).json()
        before = certificate.read_bytes()
        stack.make("down")
        gone = stack.compose("ps", "--all", "--quiet")
        stack.up()
        found = erin.get("/tasks")

    assert gone == ""
    assert (found.status_code, found.json()) == (200, [task])
    assert certificate.read_bytes() == before


def test_down_with_volumes_removes_every_volume(stack: Stack) -> None:
    project = stack.settings["COMPOSE_PROJECT_NAME"]
    before = stack.owned("volume")
    stack.compose("down", "--volumes", "--timeout", "5")

    assert {*before} == {f"{project}_{name}" for name in VOLUMES}
    assert stack.owned("volume") == []
