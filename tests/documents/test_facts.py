"""Settings, endpoints, errors, metrics and alerts: each one that exists is in one document."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from api.config.settings import SECRETS, Settings
from api.main import create_app
from api.problems.problem import Problem
from api.tasks.list_query import ListQuery
from api.tasks.schemas import TaskRead
from api.web.cors import ALLOWED_HEADERS
from observability import edge_exporter
from tests.support.command import ROOT
from tests.support.documents import documents, headings, section, table, text
from tests.support.http.server import make_settings

API, DEPLOY, WATCH = "api/README.md", "deploy/README.md", "observability/README.md"
RUNBOOK = "observability/RUNBOOK.md"
# Variables of other programs, and of single tests.
OTHER_VARIABLES = {
    "COMPOSE_PROFILES": "Docker Compose",
    "COMPOSE_PROJECT_NAME": "Docker Compose",
    "BENCH_ON_HOST": "tests/bench",
}
# The interpreter's own, in every process that has a Prometheus client.
NOT_OURS = ("python_", "process_")
CODE = "`([^`|]+)`"
CODES = f"{CODE}(?:, {CODE})*"


def explained(document: str, column: int) -> set[str]:
    """The names that have a row of a table in this document: what is code in that column."""
    rows = [line.split("|") for line in text(document).splitlines() if line.startswith("|")]
    cells = [row[column + 1].strip() for row in rows]
    return {name for cell in cells if re.fullmatch(CODES, cell) for name in re.findall(CODE, cell)}


def test_every_setting_is_listed_with_its_default() -> None:
    written = {row[0]: row[1] for row in table(DEPLOY, "Settings", 0, 1)}
    files = {f"{name}_file" for name in SECRETS}
    fields = {n: f.default for n, f in Settings.model_fields.items() if n not in files}

    assert all(f"`{name.upper()}`" in section(DEPLOY, "Settings") for name in files)
    assert set(written) == {name.upper() for name in fields}
    for name, default in fields.items():
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        shown = shown.lower() if isinstance(default, bool) else shown
        assert default in {None, ()} or written[name.upper()] == shown


def test_every_endpoint_is_listed() -> None:
    rows = table("README.md", "Endpoints", 0, 1)
    written = {(method, path) for method, paths in rows for path in paths.split(", ")}
    routes: list[Any] = create_app(make_settings()).routes
    served = {(method, r.path) for r in routes for method in r.methods if r.path[-1] != "/"}

    assert written == served - {("HEAD", "/openapi.json")}


def test_every_error_is_listed() -> None:
    written = {(int(status), code) for status, code in table(API, "Errors", 0, 1)}
    problems: list[type[Problem]] = [Problem, *Problem.__subclasses__()]

    assert written == {(problem.status, problem.code) for problem in problems}


def test_every_member_of_a_task_is_listed() -> None:
    written = {name for (names,) in table(API, "A task", 0) for name in names.split(", ")}

    assert written == set(TaskRead.model_fields)


def test_every_header_that_a_page_may_send_is_listed() -> None:
    sentence = section(API, "Headers").partition("A page of another origin may send ")[2]

    assert re.findall(CODE, sentence.partition("\n\n")[0]) == [*ALLOWED_HEADERS]


def test_every_parameter_of_a_list_is_listed() -> None:
    assert {name for (name,) in table(API, "Lists", 0)} == set(ListQuery.model_fields)


def metrics() -> set[str]:
    """Every metric that a process of ours exports, as Prometheus names it."""
    assert edge_exporter.REQUESTS
    create_app(make_settings())
    found = [metric for metric in REGISTRY.collect() if not metric.name.startswith(NOT_OURS)]
    return {f"{m.name}_total" if m.type == "counter" else m.name for m in found}


def alerts() -> set[str]:
    """Every alert of the rules."""
    rules = ROOT / "observability" / "prometheus" / "rules"
    return {*re.findall(r"alert: (\w+)", "".join(file.read_text() for file in rules.glob("*.yml")))}


# What there is of a kind, and the column of the tables that explain it.
NAMES: dict[str, tuple[Callable[[], set[str]], int]] = {
    "settings": (lambda: {n.upper() for n in Settings.model_fields if n[-5:] != "_file"}, 0),
    "codes": (lambda: set(Problem.codes), 1),
    "metrics": (metrics, 0),
}


def test_every_metric_is_listed() -> None:
    assert {name for (name,) in table(WATCH, "Metrics", 0)} == metrics()


def test_every_alert_has_its_heading_in_the_runbook() -> None:
    assert {
        name for name in headings(RUNBOOK) if re.fullmatch(r"[A-Z]\w+[A-Z]\w+", name)
    } == alerts()


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_explained_in_one_document(kind: str) -> None:
    names, column = NAMES[kind]
    found = {name: [d for d in documents() if name in explained(d, column)] for name in names()}

    assert {name: where for name, where in found.items() if len(where) != 1} == {}


def test_a_metric_that_a_document_names_exists() -> None:
    known = metrics()
    named = {
        name
        for document in documents()
        for name in re.findall(r"`((?:tasks_api|edge|http_request)\w*_\w+)`", text(document))
    }

    assert named - known - {"tasks_api_version"} == set()


def test_a_setting_that_a_document_names_exists() -> None:
    settings = {name.upper() for name in Settings.model_fields}
    compose = re.findall(r"\b[A-Z]+_[A-Z_]+\b", (ROOT / "docker-compose.yml").read_text())
    known = {*compose} | settings | OTHER_VARIABLES.keys()
    named = {
        name
        for document in documents()
        for name in re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", text(document))
    }

    assert named - known == set()
    assert OTHER_VARIABLES.keys() <= named


def test_an_error_code_that_a_document_names_exists() -> None:
    named = {
        name
        for document in documents()
        for name in re.findall(r"\b[45]\d\d `(\w+)`", text(document))
    }

    assert named - Problem.codes == set()


def test_every_command_is_listed() -> None:
    listed = table(".github/CONTRIBUTING.md", "Commands", 0)
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {command.split()[1] for (command,) in listed} == {*targets}


@pytest.mark.parametrize(
    "name", re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
)
def test_the_example_names_settings_that_exist(name: str) -> None:
    assert name.lower() in Settings.model_fields
