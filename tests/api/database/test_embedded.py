"""The PostgreSQL that comes along: private, lasting, and in whatever time zone, UTC to the API."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from deploy.local import postgres
from deploy.local.cluster import Cluster
from tests.support.command import ROOT, data_directory
from tests.support.database.embedded_postgres import NOT_DURABLE
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

TOKYO = "Asia/Tokyo"
CANARY = "canary-in-a-title"
FAILING = {
    "statement timeout": f"SET statement_timeout = 1; SELECT pg_sleep(9), '{CANARY}'",
    "no space left": f"DO $$ BEGIN RAISE 'no space left'; /* {CANARY} */ END $$",
    "terminating connection": f"SELECT pg_terminate_backend(pg_backend_pid()), '{CANARY}'",
    "duplicate key": "CREATE TABLE title (text text PRIMARY KEY);"
    f" INSERT INTO title VALUES ('{CANARY}'), ('{CANARY}')",
}
TIMES = ("created_at", "updated_at", "completed_at")
KEEPS_RUNNING = """
import sys, time
from pathlib import Path
from deploy.local import postgres
with postgres.server(Path(sys.argv[1])):
    time.sleep(60)
"""


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory."""
    with data_directory() as path:
        yield path


@pytest.fixture(scope="module")
def tokyo() -> Iterator[str]:
    """A server whose clock is Tokyo's."""
    with (
        data_directory() as path,
        postgres.server(path, *NOT_DURABLE, "-c", f"timezone={TOKYO}") as url,
    ):
        yield url


def test_the_log_of_the_server_holds_no_text_of_a_failed_statement(data: Path) -> None:
    with postgres.server(data, *NOT_DURABLE) as url:
        for statement in FAILING.values():
            with pytest.raises(psycopg2.Error):
                ask(url, statement)
    log = Cluster(data).log.read_text()

    assert [failure for failure in FAILING if failure not in log] == []
    assert CANARY not in log


def check_times(url: str) -> None:
    """The API on this database answers in UTC, and orders and filters by the same clock."""
    assert ask(url, "SHOW timezone") == [(TOKYO,)]
    migrate(url)
    with serve(make_settings(database_url=url)) as base, User(base, "alice") as alice:
        tasks = [alice.add(completed=True, due_date="2030-01-01"), alice.add(completed=True)]
        for task in [*tasks, *alice.all(), alice.get(alice.one(tasks[0]["id"])).json()]:
            assert all(task[name].endswith("+00:00") for name in TIMES)
        first = alice.get(alice.tasks, params={"limit": 1, "order": "asc"})
        second = alice.get(first.links["next"]["url"])

        assert [*first.json(), *second.json()] == tasks
        assert alice.all(due_from="2029-12-31T23:59:59Z") == [tasks[0]]
        assert alice.all(due_before="2030-01-01T00:00:00Z") == []


def test_a_server_in_another_time_zone_shows_utc(tokyo: str) -> None:
    with empty_database(tokyo) as url:
        check_times(url)


@pytest.mark.parametrize("what", ["DATABASE {database}", "ROLE {username}"])
def test_a_setting_of_the_database_or_the_login_changes_no_time(
    what: str, database_url: str
) -> None:
    login = "traveller"
    ask(database_url, f"CREATE ROLE {login} SUPERUSER LOGIN PASSWORD 'secret'")
    with empty_database(database_url) as admins:
        url = make_url(admins).set(username=login, password="secret")
        whose = what.format(database=url.database, username=login)
        ask(admins, f"ALTER {whose} SET timezone = '{TOKYO}'")
        check_times(url.render_as_string(hide_password=False))
    ask(database_url, f"DROP ROLE {login}")


def test_data_and_password_survive_a_restart(data: Path) -> None:
    with postgres.server(data) as url:
        ask(url, "CREATE TABLE kept AS SELECT 42 AS value")
        password = make_url(url).password

    with postgres.server(data) as url:
        assert ask(url, "SELECT value FROM kept") == [(42,)]
        assert make_url(url).password == password


def test_the_password_is_the_servers_own_and_needed(data: Path) -> None:
    file = data / "postgres.password"
    with postgres.server(data) as url:
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(file.read_text()) >= 32
        assert (data / "postgres").stat().st_mode & 0o777 == 0o700
        for wrong in "", "postgres":
            other = make_url(url).set(password=wrong).render_as_string(hide_password=False)
            with pytest.raises(psycopg2.OperationalError):
                ask(other, "SELECT 1")


def test_it_listens_on_the_loopback_interface_alone(data: Path) -> None:
    with postgres.server(data) as url:
        assert ask(url, "SHOW listen_addresses") == [("127.0.0.1",)]
        assert ask(url, "SHOW unix_socket_directories") == [("",)]
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.2", int(make_url(url).port or 0))) != 0


def test_it_ends_with_its_block(data: Path) -> None:
    with postgres.server(data) as url:
        port = int(make_url(url).port or 0)

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not (data / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("left", ["", "PG_VERSION", "base"])
def test_an_interrupted_first_start_is_repaired(left: str, data: Path) -> None:
    program = [sys.executable, "-c", KEEPS_RUNNING, str(data)]
    with subprocess.Popen(program, cwd=ROOT, start_new_session=True) as first:
        while not (data / "postgres.new" / left).exists():
            assert first.poll() is None
            time.sleep(0.001)
        os.killpg(first.pid, signal.SIGKILL)

    with postgres.server(data) as url:
        assert ask(url, "SELECT 1") == [(1,)]


def test_a_folder_of_something_else_is_left_alone_and_named(data: Path) -> None:
    (data / "postgres").mkdir()
    (data / "postgres" / "diary").touch()
    (data / "postgres.password").touch()

    wrong = pytest.raises(SystemExit, match=r"^PostgreSQL did not start: [^\n]+$")
    with wrong, postgres.server(data):
        pass

    assert (data / "postgres" / "diary").exists()


def test_data_of_another_release_are_left_alone_and_named(data: Path) -> None:
    with postgres.server(data):
        pass
    version = data / "postgres" / "PG_VERSION"
    version.write_text("15\n")

    wrong = pytest.raises(SystemExit, match=r"^PostgreSQL did not start: .*incompatible.*$")
    with wrong, postgres.server(data):
        pass

    assert version.read_text() == "15\n"
