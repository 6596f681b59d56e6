"""The metrics: closed label sets, every series present from the start, no database query."""

import re
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.database.causes import Cause
from api.database.pool import StaleReason
from api.problems.auth_failure import AuthFailure
from api.problems.problem import Problem
from api.tasks.statements import STATEMENTS
from tests.support.http.client import User
from tests.support.observability.metrics import series, total
from tests.support.observability.promtool import promtool

ROOT = Path(__file__).parents[2]
OPERATIONS = ["create_task", "list_tasks", "read_task", "update_task", "patch_task"]


def scrape(base_url: str) -> str:
    """The metrics as Prometheus gets them."""
    return httpx.get(f"{base_url}/metrics").text


def test_a_request_counts_once_with_its_route(alice: User, base_url: str) -> None:
    route = {"handler": "/api/{user_id}/tasks", "method": "POST"}
    before = scrape(base_url)
    alice.add()
    alice.add()
    after = scrape(base_url)

    names = {"http_requests_total": "201", "http_request_duration_seconds_count": "2xx"}
    for name, status in names.items():
        labels = {**route, "status": status}
        assert total(after, name, **labels) - total(before, name, **labels) == 2
    assert 'handler="/api/{user_id}/tasks",le="0.5",method="POST",status="2xx"' in after


@pytest.mark.parametrize("outcome", ["ok", "refused"])
def test_operations_count_by_outcome(alice: User, base_url: str, outcome: str) -> None:
    labels = {"operation": "read_task", "outcome": outcome}
    task = alice.add()["id"] if outcome == "ok" else 2**62
    before = total(scrape(base_url), "tasks_api_operations_total", **labels)
    alice.get(alice.one(task))

    assert total(scrape(base_url), "tasks_api_operations_total", **labels) == before + 1


@pytest.mark.parametrize(("header", "reason"), [("", "missing"), ("Bearer a.b.c", "malformed")])
def test_refused_callers_count_by_reason(
    alice: User, base_url: str, header: str, reason: str
) -> None:
    before = total(scrape(base_url), "tasks_api_auth_failures_total", reason=reason)
    alice.get(alice.tasks, headers={"Authorization": header})

    assert total(scrape(base_url), "tasks_api_auth_failures_total", reason=reason) == before + 1


def test_the_database_is_measured(alice: User, base_url: str) -> None:
    before = scrape(base_url)
    alice.add()
    after = scrape(base_url)

    for name, labels in {
        "tasks_api_db_query_seconds_count": {"operation": "create"},
        "tasks_api_db_pool_wait_seconds_count": {},
        "tasks_api_db_round_trips_sum": {},
    }.items():
        assert total(after, name, **labels) == total(before, name, **labels) + 1
    assert total(after, "tasks_api_db_connects_total", outcome="ok") >= 1


def test_a_hostile_run_adds_few_series(alice: User, base_url: str) -> None:
    alice.get("/nothing")
    before = series(scrape(base_url))
    for number in range(50):
        noise = uuid4().hex
        alice.get(f"/{noise}")
        alice.get(f"{alice.tasks}/{number}/")
        alice.get(f"{alice.tasks}/{2**40 + number}", headers={"X-Request-ID": noise})
        alice.request("PURGE", f"/{noise}")
    added = series(scrape(base_url)) - before

    assert len({name for name in added if name.startswith("http_requests_total")}) <= 3
    assert alice.user_id not in str(added)


def test_every_series_is_there_from_the_start(base_url: str) -> None:
    text = scrape(base_url)
    label_values: dict[str, tuple[str, Iterable[str]]] = {
        "tasks_api_auth_failures_total": ("reason", AuthFailure),
        "tasks_api_db_reconnects_total": ("reason", StaleReason),
        "tasks_api_db_unavailable_total": ("cause", Cause),
        "tasks_api_db_retries_total": ("operation", STATEMENTS),
        "tasks_api_problems_total": ("code", Problem.codes),
    }

    for name, (label, values) in label_values.items():
        found = {s for s in series(text) if s.startswith(f"{name}{{")}
        # Tests of the database layer run statements of their own in this process.
        assert found >= {f'{name}{{{label}="{value}"}}' for value in values}
    assert all(f'operation="{name}",outcome="failed"' in text for name in OPERATIONS)
    for status in (500, 503, 504):
        labels = f'handler="/api/{{user_id}}/tasks/{{id}}",method="GET",status="{status}"'
        assert f"http_requests_total{{{labels}}}" in series(text)


def test_reasons_for_401_and_403_come_from_the_enumeration_and_all_occur() -> None:
    source = "".join(path.read_text() for path in (ROOT / "api").rglob("*.py"))
    refusals = r"(?:TokenMissing|TokenInvalid|TokenExpired|UserMismatch)\(reason=(\S+)\)"
    written = re.findall(refusals, source)

    assert [name for name in written if not name.startswith("AuthFailure.")] == []
    assert [one for one in AuthFailure if f"AuthFailure.{one.name}" not in source] == []


def test_every_metric_of_ours_is_described_by_a_sentence_with_its_unit(base_url: str) -> None:
    families = [*text_string_to_metric_families(scrape(base_url))]
    ours = [family for family in families if family.name.startswith("tasks_api_")]

    assert all(family.type != "unknown" and family.documentation for family in families)
    for family in ours:
        text = family.documentation
        assert re.fullmatch(r"[A-Z].{20,}\.", text), family.name
        for unit in ("seconds", "bytes"):
            assert (f"_{unit}" in family.name) <= (f"in {unit}." in text), family.name


def test_promtool_has_no_complaint_about_the_names(base_url: str) -> None:
    checked = promtool("check", "metrics", stdin=scrape(base_url))
    complaints = [line for line in checked.stderr.splitlines() if line.startswith("tasks_api_")]

    assert complaints == []
