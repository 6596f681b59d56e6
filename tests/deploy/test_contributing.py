"""The recipes of .github/CONTRIBUTING.md, followed to the letter in a clone."""

import ast
import json
import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import __version__
from tests.deploy.clones import working_clone
from tests.deploy.local_run import READY, pasted, usage_example
from tests.support.command import ROOT, data_directory, finished, free_port, running
from tests.support.documents import block
from tests.support.required_tools import require_tool

pytestmark = pytest.mark.slow

# CI runs the first line before the tests.
ONE_MODULE = block(".github/CONTRIBUTING.md", "make check").removeprefix("make check\n")
MAKE_MIGRATION = shlex.split(block(".github/CONTRIBUTING.md", "make migration"))
REVISION = block(".github/CONTRIBUTING.md", "def upgrade()")
COLUMN = block(".github/CONTRIBUTING.md", "# api/tasks/tables.py: Task")
BATCH = block(".github/CONTRIBUTING.md", "-- api/tasks/batch_statement.py")
RELEASE = block(".github/CONTRIBUTING.md", "VERSION=")
QUOTED = [
    block(".github/CONTRIBUTING.md", "# api/problems/catalogue.py"),
    block(".github/CONTRIBUTING.md", "# api/main.py"),
    block(".github/CONTRIBUTING.md", "# tests/api/tasks/test_create.py"),
]
# The author that git needs for a commit.
AUTHOR = {
    f"GIT_{role}_{part}": f"{part.lower()}@example.com"
    for role in ("AUTHOR", "COMMITTER")
    for part in ("NAME", "EMAIL")
}


@pytest.fixture
def clone() -> Iterator[Path]:
    """A clone of its own."""
    with working_clone() as path:
        yield path


def shell(script: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """The result of a script that ends at its first failure."""
    return subprocess.run(
        [require_tool("bash"), "-euc", script],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": f"{cwd}", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def add_members(source: Path, model: str, lines: str) -> None:
    """Insert lines after the last member of a class."""
    text = source.read_text()
    [found] = [n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == model]
    last = max(n.end_lineno or 0 for n in found.body if isinstance(n, ast.AnnAssign))
    rows = text.splitlines(keepends=True)
    rows.insert(last, textwrap.indent(f"{lines}\n", "    "))
    source.write_text("".join(rows))


def add_to_batches(source: Path) -> None:
    """Let each part of the statement read as the guide shows it; only the new column is missing."""
    text = source.read_text()
    for part in re.split(r"^-- .*\n", BATCH, flags=re.MULTILINE)[1:]:
        before = ",".join(item for item in part.rstrip().split(",") if "colour" not in item)
        assert text.count(before) == (2 if before == "due_at, tags," else 1), before
        text = text.replace(before, part.rstrip())
    source.write_text(text)


def test_a_column_is_added_as_the_guide_says(clone: Path) -> None:
    with finished(*MAKE_MIGRATION, cwd=clone) as command:
        revision = Path(command.output.strip())
    head = revision.read_text().partition("def upgrade()")[0]
    revision.write_text(head + REVISION)
    for place, lines in re.findall(r"# (\S+: .*)\n((?:[^#\n].*\n)+)", COLUMN):
        path, _, models = place.partition(": ")
        for model in models.split(", "):
            add_members(clone / path, model, lines.rstrip())
    add_to_batches(clone / "api" / "tasks" / "batch_statement.py")

    with (
        data_directory() as data,
        running("make", "dev", f"DATA_DIR={data}", f"PORT={free_port()}", cwd=clone) as command,
    ):
        command.wait_for(READY)
        curl = usage_example(command).replace('"Buy milk"', '"Buy milk", "colour": "red"')
        made = pasted(curl)
        get = usage_example(command).partition(" --json ")[0]
        listed = pasted(get)
        operations = [
            {"op": "create", "task": {"title": "Buy oats", "colour": "blue"}},
            {"op": "update", "id": made["id"], "changes": {"colour": "green"}},
        ]
        post = get.replace("/tasks", "/tasks/batch")
        batched = pasted(f"{post} --json '{json.dumps({'operations': operations})}'")["tasks"]
        after = pasted(get)

    assert made["colour"] == "red"
    assert listed == [made]
    assert [task["colour"] for task in batched] == ["blue", "green"]
    assert after == [{n: v for n, v in each.items() if n != "deleted_at"} for each in batched]


def test_the_checks_find_the_description_that_is_not_written_anew(clone: Path) -> None:
    source = clone / "api" / "problems" / "catalogue.py"
    source.write_text(source.read_text().replace("There is no such task.", "No such task."))
    before = shell(ONE_MODULE, clone)
    written = shell("make openapi", clone)
    after = shell(ONE_MODULE, clone)

    assert before.returncode == 1
    assert "FAILED tests/api/test_openapi.py" in before.stdout
    assert (written.returncode, after.returncode) == (0, 0), written.stderr + after.stdout


@pytest.mark.parametrize("quoted", QUOTED, ids=lambda text: text.splitlines()[0])
def test_an_example_of_style_stands_in_the_sources(quoted: str) -> None:
    path, _, lines = quoted.removeprefix("# ").partition("\n")

    assert lines in (ROOT / path).read_text()


def test_a_release_is_committed_tagged_and_pushed(clone: Path, tmp_path: Path) -> None:
    require_tool("git")
    start = "git init -q -b main; git add .; git commit -qm start; touch api/x.py; git add ."
    forge = 'git clone -q --bare . "$FORGE"; git remote add origin "$FORGE"'
    settings = AUTHOR | {"FORGE": f"{tmp_path}/forge"}
    prepared = shell(f"{start}; {forge}; git push -qu origin main", clone, **settings)
    done = shell(RELEASE, clone, **AUTHOR)
    seen = shell("git log --format=%s -1 main; git tag", tmp_path / "forge")

    assert prepared.returncode == 0, prepared.stderr
    assert done.returncode == 0, done.stderr
    assert seen.stdout.split("\n")[:2] == [f"Release {__version__}", f"v{__version__}"]
