"""What is counted: by closed labels, from zero on, and never by asking the database."""

import re
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.database.sqlstates import CAUSES
from api.problems.problem import Problem
from api.telemetry import metrics
from tests.support.http.client import User
from tests.support.observability.metrics import series, total

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
    reasons = set(metrics.REASONS)

    assert all(f'reason="{reason}"' in text for reason in reasons)
    assert all(f'operation="{name}",outcome="failed"' in text for name in OPERATIONS)
    assert all(f'tasks_api_problems_total{{code="{code}"}}' in text for code in Problem.codes)


def test_the_reasons_are_those_of_the_code() -> None:
    source = "".join(path.read_text() for path in (ROOT / "api" / "auth").glob("*.py"))
    source += (ROOT / "api" / "database" / "sqlstates.py").read_text()
    source += (ROOT / "api" / "web" / "user_route.py").read_text()
    written = set(re.findall(r'reason="([a-z_]+)"', source))

    written -= {"two_credentials", "keys_unavailable", *CAUSES}
    assert written | {"unknown_user"} == set(metrics.REASONS)


def test_every_metric_has_a_type_and_a_text(base_url: str) -> None:
    for family in text_string_to_metric_families(scrape(base_url)):
        assert family.documentation
        assert family.type != "unknown"
