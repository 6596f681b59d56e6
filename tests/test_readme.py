"""What README.md says is what the code does."""

import re
from pathlib import Path
from typing import Any

import pytest

from api.config.settings import SECRETS, Settings
from api.main import create_app
from api.problems.problem import Problem
from api.tasks.schemas import ListQuery, TaskRead
from tests.support.http.server import make_settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def table(heading: str, *columns: int) -> list[tuple[str, ...]]:
    """The cells of these columns of the first table below a heading, without back quotes."""
    section = README.split(f"# {heading}\n", 1)[1].split("\n\n#")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [tuple(row[column].strip().replace("`", "") for column in columns) for row in rows[2:]]


def test_every_setting_is_listed_with_its_default() -> None:
    written = {row[0]: row[1] for row in table("Settings", 0, 1)}
    files = {f"{name}_file" for name in SECRETS}
    fields = {n: f.default for n, f in Settings.model_fields.items() if n not in files}

    assert all(f"`{name.upper()}`" in README for name in files)
    assert set(written) == {name.upper() for name in fields}
    for name, default in fields.items():
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        shown = shown.lower() if isinstance(default, bool) else shown
        assert default in {None, ()} or written[name.upper()] == shown


def test_every_endpoint_is_listed() -> None:
    written = {
        (method, path) for method, paths in table("Endpoints", 0, 1) for path in paths.split(", ")
    }
    routes: list[Any] = create_app(make_settings()).routes
    served = {(method, r.path) for r in routes for method in r.methods if r.path[-1] != "/"}

    assert written == served - {("HEAD", "/openapi.json")}


def test_every_error_is_listed() -> None:
    written = {(int(status), code) for status, code in table("Errors", 0, 1)}
    problems: list[type[Problem]] = [Problem, *Problem.__subclasses__()]

    assert written == {(problem.status, problem.code) for problem in problems}


def test_every_member_of_a_task_is_listed() -> None:
    written = {name for (names,) in table("A task", 0) for name in names.split(", ")}

    assert written == set(TaskRead.model_fields)


def test_every_parameter_of_a_list_is_listed() -> None:
    written = {name for (name,) in table("Lists", 0)}

    assert written == set(ListQuery.model_fields)


def test_every_command_is_listed() -> None:
    written = {command.split()[1] for (command,) in table("Commands", 0)}
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert written == set(targets)


@pytest.mark.parametrize(
    "name", re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
)
def test_the_example_names_settings_that_exist(name: str) -> None:
    assert name.lower() in Settings.model_fields
