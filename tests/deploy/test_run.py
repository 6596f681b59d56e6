"""``make run`` from its user's view: start, printed example, signals, data."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.local_run import (
    READY,
    lines,
    listed,
    pasted,
    started_run,
    usage_example,
    workers,
)
from tests.support.command import (
    ROOT,
    Command,
    data_directory,
    finished,
    free_port,
    is_free,
    processes_using,
    running,
)
from tests.support.database.embedded_postgres import readable_folder
from tests.support.required_tools import require_ipv6

PROCESS, GROUP = False, True
# Each of these alone makes a connection of libpq or a request over a proxy fail.
HOSTILE_ENVIRONMENT = {
    "PGSSLMODE": "require",
    "PGSERVICE": "missing",
    "PGOPTIONS": "-c missing.setting=1 -c bad",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require",
    "PGREQUIREAUTH": "none",
    "PGSSLROOTCERT": "/nowhere",
    "PGDATA": "/nowhere",
    "http_proxy": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "ALL_PROXY": "http://127.0.0.1:1",
}


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory."""
    with data_directory() as path:
        yield path


@pytest.fixture(scope="module")
def started() -> Iterator[Command]:
    """One ``make run`` for the tests that stop nothing."""
    with data_directory() as path, started_run(path) as command:
        yield command


def test_the_pasted_curl_makes_a_task(started: Command) -> None:
    task = pasted(usage_example(started))

    assert (task["user_id"], task["title"], task["completed"]) == ("alice", "Buy milk", False)


def test_every_line_of_output_is_a_json_object(started: Command) -> None:
    pasted(usage_example(started))

    written = lines(started)

    assert all(isinstance(line, dict) for line in written)
    assert "request" in {line["event"] for line in written}


def test_stderr_holds_neither_json_nor_tracebacks(started: Command) -> None:
    rest = started.errors.replace(usage_example(started), "")

    assert "Traceback" not in rest
    assert "{" not in rest


@pytest.mark.parametrize(
    ("number", "to"),
    [
        (signal.SIGTERM, PROCESS),
        pytest.param(signal.SIGTERM, GROUP, marks=pytest.mark.slow),
        (signal.SIGINT, GROUP),
    ],
    ids=["make is terminated", "its group is terminated", "Ctrl-C"],
)
def test_a_signal_stops_everything(number: signal.Signals, to: bool, data: Path) -> None:  # noqa: FBT001
    port = free_port()
    with started_run(data, f"PORT={port}") as command:
        assert not is_free(port)

        # make exits with its own code or by the signal that it received.
        assert command.stop(number, group=to) in {0, -number}

        assert "Traceback" not in command.errors
        assert {line["level"] for line in lines(command)} == {"info"}
    assert processes_using(data) == {}
    assert is_free(port)


@pytest.mark.parametrize(
    "sign", ["secret", "postgres.new", "postgres.log", "postgres/postmaster.pid"]
)
def test_a_signal_during_the_start_stops_everything(sign: str, data: Path) -> None:
    with running("make", "run", f"DATA_DIR={data}", f"PORT={free_port()}") as command:
        while not (data / sign).exists():
            assert command.process.poll() is None, command.errors

        assert command.stop(signal.SIGTERM) == -signal.SIGTERM

        assert "Traceback" not in command.errors
    assert processes_using(data) == {}


def test_a_second_start_keeps_the_data_and_the_secret(data: Path) -> None:
    port = f"PORT={free_port()}"
    with started_run(data, port) as command:
        line = usage_example(command)
        task = pasted(line)
        assert workers(data) == 2
        command.stop(signal.SIGTERM)

    with started_run(data, port, "WORKERS=1"):
        assert listed(line) == [task]
        assert workers(data) == 1


def test_a_dotenv_file_is_read(data: Path) -> None:
    port = free_port()
    with readable_folder() as clone:
        for name in ("Makefile", "api", "deploy", ".venv", "requirements-local.txt"):
            (clone / name).symlink_to(ROOT / name)
        (clone / ".env").write_text(f"PORT={port}\nDATA_DIR={data}\nWORKERS=1\n")
        with running("make", "run", cwd=clone) as command:
            command.wait_for(READY)

            assert f"http://127.0.0.1:{port}/" in usage_example(command)
            assert pasted(usage_example(command))["user_id"] == "alice"
            assert (data / "secret").exists()


def test_libpq_variables_and_proxies_of_the_shell_do_not_disturb_it(data: Path) -> None:
    with started_run(data, settings=HOSTILE_ENVIRONMENT) as command:
        assert pasted(usage_example(command))["user_id"] == "alice"


def test_the_ipv6_wildcard_serves_both_families(data: Path) -> None:
    require_ipv6()
    with started_run(data, "HOST=::") as command:
        example = usage_example(command)

        assert "http://[::1]:" in example
        assert pasted(example)["user_id"] == "alice"
        assert pasted(example.replace("[::1]", "127.0.0.1"))["user_id"] == "alice"


def test_a_database_left_by_a_killed_make_run_is_named_at_the_next_start(data: Path) -> None:
    with started_run(data) as command:
        [supervisor] = [
            n for n, text in processes_using(data).items() if "-m deploy.local.run" in text
        ]
        os.kill(supervisor, signal.SIGKILL)
        assert command.process.wait(30) == 2

    with finished("make", "run", f"DATA_DIR={data}", f"PORT={free_port()}") as again:
        assert again.process.returncode == 2
        assert len(again.error_lines()) == 1, again.errors
        assert f"{data} is in use by another PostgreSQL server" in again.errors
