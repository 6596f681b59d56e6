"""``make dev``, ``make migration`` and ``make psql``, as a contributor uses them in a clone."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.local_run import READY, pasted, usage_example
from tests.support.command import (
    ROOT,
    Command,
    data_directory,
    finished,
    free_port,
    processes_using,
    running,
)
from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.temporary_database import empty_database
from tests.support.waiting import wait_until

CHANGED = "There is no such task, sorry."


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """The sources in a folder of their own, which the tests may change."""
    with readable_folder() as path:
        for name in ("api", "deploy"):
            ignored = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(ROOT / name, path / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", path)
        yield path


def module(name: str, *words: str) -> tuple[str, ...]:
    """The command line of a target of the Makefile, without the installation before it."""
    return (sys.executable, "-m", f"deploy.local.{name}", *words)


@pytest.fixture(scope="module")
def developed(clone: Path) -> Iterator[tuple[Command, Path]]:
    """A running ``make dev`` and its data directory."""
    with data_directory() as data:
        settings = {"DATA_DIR": f"{data}", "PORT": f"{free_port()}", "WORKERS": "1"}
        with running(*module("dev"), cwd=clone, settings=settings) as command:
            command.wait_for(READY)
            yield command, data


def missing_task(command: Command) -> str:
    """The sentence about a task that does not exist."""
    curl = usage_example(command).partition(" --json ")[0]
    return str(pasted(curl.replace("/tasks", "/tasks/999"))["detail"])


def psql(data: Path, statement: str, **settings: str) -> str:
    """What ``make psql`` prints for a statement on standard input."""
    done = subprocess.run(
        module("psql"),
        cwd=ROOT,
        env={"DATA_DIR": f"{data}", "PGSERVICE": "missing", **settings},
        input=f"\\pset tuples_only\n\\pset format unaligned\n{statement};\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_changed_source_changes_the_answer_without_a_restart(
    developed: tuple[Command, Path], clone: Path
) -> None:
    command, _ = developed
    source = clone / "api" / "problems" / "catalogue.py"
    before = missing_task(command)
    source.write_text(source.read_text().replace(before, CHANGED))

    wait_until(lambda: missing_task(command) == CHANGED)


def test_a_mistake_is_reported_and_its_correction_is_served(
    developed: tuple[Command, Path], clone: Path
) -> None:
    command, _ = developed
    source = clone / "api" / "health.py"
    right = source.read_text()
    source.write_text(f"{right}\nthis is no Python\n")
    wait_until(lambda: "SyntaxError" in command.errors + command.output)
    source.write_text(right)

    wait_until(lambda: pasted(usage_example(command))["title"] == "Buy milk")


def test_logs_are_lines_for_people(developed: tuple[Command, Path]) -> None:
    command, _ = developed
    missing_task(command)
    wait_until(lambda: "GET /api/{user_id}/tasks/{id} 404 in " in command.output)

    [*_, line] = [line for line in command.output.splitlines() if " 404 in " in line]
    assert "code=task_not_found" in line
    assert "user_id=alice" in line
    assert "{" not in line.replace("{user_id}", "").replace("{id}", "")


def test_psql_uses_the_database_of_the_running_api(developed: tuple[Command, Path]) -> None:
    command, data = developed
    pasted(usage_example(command))

    assert psql(data, "SELECT DISTINCT user_id FROM task") == "alice"


def test_psql_uses_database_url(developed: tuple[Command, Path], database_url: str) -> None:
    name = psql(developed[1], "SELECT current_setting('port')", DATABASE_URL=database_url)

    assert f":{name}/" in database_url


def test_psql_starts_a_database_where_none_runs_and_stops_it() -> None:
    with data_directory() as data:
        answer = psql(data, "SELECT 40 + 2")

        assert answer == "42"
        assert processes_using(data) == {}


def test_a_new_revision_follows_the_newest_and_passes_the_checks(
    clone: Path, database_url: str
) -> None:
    with finished(*module("migration", "add_colour"), cwd=clone) as command:
        path = clone / command.output.strip()
    words = (sys.executable, "-m", "api.migrations")
    with (
        empty_database(database_url) as url,
        finished(*words, cwd=clone, settings={"DATABASE_URL": url, "POOL_SIZE": "1"}) as migrated,
    ):
        assert migrated.process.returncode == 0, migrated.errors
    for check in (("check",), ("format", "--check")):
        subprocess.run([sys.executable, "-m", "ruff", *check, path], cwd=clone, check=True)

    assert path.name == "0002_add_colour.py"


@pytest.mark.parametrize("name", ["", "a;b", "../up"])
def test_a_revision_without_a_good_name_is_one_sentence(name: str, clone: Path) -> None:
    with finished(*module("migration", name), cwd=clone) as command:
        assert command.process.returncode == 1
        [sentence] = command.error_lines()
        assert sentence.startswith("NAME must be words")
