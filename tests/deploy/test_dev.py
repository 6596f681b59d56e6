"""``make dev``, ``make migration`` and ``make psql``, as a contributor uses them in a clone."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.clones import working_clone
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
from tests.support.database.temporary_database import empty_database
from tests.support.documents import block
from tests.support.required_tools import require_tool
from tests.support.waiting import wait_until

MAKE_DEV = block(".github/CONTRIBUTING.md", "make dev").split()
ASK = block(".github/CONTRIBUTING.md", "TOKEN=")
MAKE_MIGRATION = shlex.split(block(".github/CONTRIBUTING.md", "make migration"))
CHANGED = "There is no such task, sorry."


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """A clone that the tests may change."""
    with working_clone() as path:
        yield path


@pytest.fixture(scope="module")
def developed(clone: Path) -> Iterator[tuple[Command, Path]]:
    """A running ``make dev`` and its data directory."""
    with data_directory() as data:
        settings = {"DATA_DIR": f"{data}", "PORT": f"{free_port()}"}
        with running(*MAKE_DEV, cwd=clone, settings=settings) as command:
            command.wait_for(READY)
            yield command, data


def missing_task(command: Command, clone: Path, data: Path) -> str:
    """The sentence about a task that does not exist, as the guide asks for it."""
    [port] = re.findall(r"Ready on http://[\d.]+:(\d+)", command.errors)
    script = ASK.replace(":8000/", f":{port}/").replace("curl ", "curl -sS ")
    require_tool("curl")
    done = subprocess.run(
        [require_tool("bash"), "-euc", script],
        cwd=clone,
        env={**os.environ, "DATA_DIR": f"{data}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(done.stdout)["detail"])


def psql(data: Path, statement: str, **settings: str) -> str:
    """What ``make psql`` prints for a statement on standard input."""
    done = subprocess.run(
        ["make", "psql"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": f"{data}", "PGSERVICE": "missing", **settings},
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
    command, data = developed
    source = clone / "api" / "problems" / "catalogue.py"
    before = missing_task(command, clone, data)
    source.write_text(source.read_text().replace(before, CHANGED))

    wait_until(lambda: missing_task(command, clone, data) == CHANGED)


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


def test_logs_are_lines_for_people(developed: tuple[Command, Path], clone: Path) -> None:
    command, data = developed
    missing_task(command, clone, data)
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
    newest = max(path.name for path in (clone / "api" / "migrations" / "versions").glob("0*.py"))
    with finished(*MAKE_MIGRATION, cwd=clone) as command:
        path = Path(command.output.strip())
    with (
        empty_database(database_url) as url,
        finished("make", "migrate", cwd=clone, settings={"DATABASE_URL": url}) as migrated,
    ):
        assert migrated.process.returncode == 0, migrated.errors
    for check in (("check",), ("format", "--check")):
        subprocess.run([sys.executable, "-m", "ruff", *check, path], cwd=clone, check=True)
    path.unlink()

    assert path.name == f"{int(newest[:4]) + 1:04}_add_colour.py"


@pytest.mark.parametrize("name", ["a;b", "../up"])
def test_a_revision_without_a_good_name_is_one_sentence(name: str, clone: Path) -> None:
    with finished("make", "migration", f"NAME={name}", cwd=clone) as command:
        assert command.process.returncode == 2
        [sentence] = command.error_lines()
        assert sentence.startswith("NAME must be words")
