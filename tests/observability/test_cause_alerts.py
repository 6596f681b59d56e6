"""Each alert on a cause fires, resolves, and does not fire below its threshold."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.database.causes import Cause
from tests.support.command import ROOT
from tests.support.observability.promtool import RULES, Series, failure

RUNBOOK = (ROOT / "observability" / "RUNBOOK.md").read_text()
DAY, FAR = 86400, 9999999
IN_FLIGHT, ENDS = 'tasks_api_in_flight{instance="a"}', "edge_certificate_expiry_timestamp_seconds"
# Without these, SLIAbsent and EdgeDown fire as well.
INDICATORS: Series = {
    ENDS: f"{FAR}x200",
    'edge_requests_total{status="200",answered_by="api"}': "0+600x200",
    'edge_request_duration_seconds_count{status="2xx"}': "0+600x200",
    'edge_request_duration_seconds_bucket{status="2xx",le="0.5"}': "0+600x200",
}
IDLE: Series = {'edge_requests_total{status="200",answered_by="api"}': "0x200"}
NGINX_FAILS = 'edge_requests_total{status="502",answered_by="nginx"}'
API_FAILS = 'http_requests_total{status="503",handler="/",method="GET"}'
POOL, LAG = "tasks_api_db_pool_wait_seconds_bucket", "tasks_api_event_loop_lag_seconds_bucket"
OTHER_UP = {'up{job="edge",instance="b"}': "1x200"}
UP, SCRAPE = 'up{job="api",instance="a"}', 'scrape_duration_seconds{job="api",instance="a"}'
EXITS, SHED = 'tasks_api_worker_exits_total{instance="a"}', 'tasks_api_shed_total{instance="a"}'
LIMIT, FOLDER = (
    'tasks_api_in_flight_limit{instance="a"}',
    'tasks_api_metrics_directory_used_ratio{instance="a"}',
)
REFUSED, LOST = (f'tasks_api_db_unavailable_total{{cause="{c}"}}' for c in ("credentials", "lost"))
POOL_COUNT, SERVED = "tasks_api_db_pool_wait_seconds_count", 'http_requests_total{status="200"}'


@dataclass(frozen=True)
class Case:
    """``firing`` fires the alert at ``at``, until before ``resolved_at``; ``quiet`` never does."""

    alert: str
    firing: Series
    quiet: Series
    at: str = "20m"
    resolved_at: str = "45m"


def buckets(name: str, bound: str, *, within: str, total: str) -> Series:
    """A histogram with so many observations within the bound, and so many in all."""
    return {
        f'{name}{{le="{bound}"}}': within,
        f'{name}{{le="1.0"}}': total,
        f'{name}{{le="+Inf"}}': total,
    }


CASES = [
    Case(
        "ErrorsAtLowTraffic",
        IDLE | {NGINX_FAILS: "0x30 4x200", API_FAILS: "0x30 4x200"},
        IDLE | {NGINX_FAILS: "0x30 2x200"},
    ),
    Case("TargetDown", {UP: "1x10 0x40 1x100"}, {UP: "1x10 0x8 1x100"}),
    Case("TargetDown", OTHER_UP | {UP: "1x10 _x40 1x100"}, OTHER_UP | {UP: "1x10 _x8 1x100"}),
    Case(
        "SLIAbsent",
        dict.fromkeys(INDICATORS, "_x60 0+600x100") | {ENDS: f"{FAR}x200"},
        INDICATORS,
    ),
    Case("EdgeDown", {ENDS: f"{FAR}x20 0x30 {FAR}x100"}, {ENDS: f"{FAR}x20 0x3 {FAR}x100"}),
    Case("EdgeDown", {ENDS: f"_x60 {FAR}x100"}, {ENDS: "_x200", SERVED: "0+5x200"}),
    Case(
        "EdgeErrorsWithoutBackend",
        {NGINX_FAILS: "0x30 5x200"},
        {NGINX_FAILS: "0x30 5x200", API_FAILS: "0x30 5x200"},
    ),
    Case("CertificateExpiringSoon", {ENDS: f"{13 * DAY}x60 {FAR}x100"}, {ENDS: f"{15 * DAY}x200"}),
    Case("ScrapeDurationHigh", {SCRAPE: "1.5x60 0.1x100"}, {SCRAPE: "0.9x200"}),
    Case(
        "DatabasePoolWaitHigh",
        buckets(POOL, "0.05", within="0+9x60 540+10x140", total="0+10x200")
        | {POOL_COUNT: "0+10x200"},
        buckets(POOL, "0.05", within="0+96x200", total="0+100x200") | {POOL_COUNT: "0+100x200"},
    ),
    Case(
        "DatabasePoolWaitHigh",
        buckets(POOL, "0.05", within="0x60 0+10x140", total="0+10x200") | {POOL_COUNT: "0+10x200"},
        # Three requests in five minutes, all of them slow.
        buckets(POOL, "0.05", within="0x200", total="0+0.3x200") | {POOL_COUNT: "0+0.3x200"},
    ),
    Case(
        "EventLoopLagHigh",
        buckets(LAG, "0.1", within="0+9x60 540+10x140", total="0+10x200"),
        buckets(LAG, "0.1", within="0+995x200", total="0+1000x200"),
    ),
    Case(
        # One blocked instance among ten.
        "EventLoopLagHigh",
        {
            f'{name[:-1]},instance="{number}"}}': values
            for number in range(10)
            for name, values in buckets(
                LAG, "0.1", within="0+10x200" if number else "0+9x60 540+10x140", total="0+10x200"
            ).items()
        },
        buckets(LAG, "0.1", within="0+995x200", total="0+1000x200"),
    ),
    Case("WorkersRestarting", {EXITS: "0x30 6x200"}, {EXITS: "0x30 2x200"}),
    Case("DatabasePermanentErrors", {REFUSED: "0x30 1x200"}, {LOST: "0+5x200"}, at="18m"),
    Case(
        "InFlightRequestsNearLimit",
        {LIMIT: "512x200", IN_FLIGHT: "450x60 3x100"},
        {LIMIT: "512x200", IN_FLIGHT: "400x200"},
    ),
    Case("InFlightRequestsNearLimit", {SHED: "0+10x50 500x150"}, {SHED: "7x200"}),
    Case("MetricsDirectoryFillingUp", {FOLDER: "0.6x60 0.1x100"}, {FOLDER: "0.5x200"}),
]


def alerts() -> dict[str, str]:
    """The text of each alert in the rule files, by name."""
    text = "".join(file.read_text() for file in RULES.glob("*.yml"))
    return dict(re.findall(r"- alert: (\w+)\n(.*?)(?=\n +- (?:alert|record):|\Z)", text, re.DOTALL))


@pytest.mark.parametrize("case", CASES, ids=[case.alert for case in CASES])
def test_the_alert_fires_resolves_and_stays_quiet_below_its_threshold(
    tmp_path: Path, case: Case
) -> None:
    firing, quiet = INDICATORS | case.firing, INDICATORS | case.quiet

    assert not failure(RULES, firing, {case.at: {case.alert}, case.resolved_at: set()}, tmp_path)
    assert not failure(RULES, quiet, {case.at: set()}, tmp_path)


def test_every_alert_has_a_test() -> None:
    burns = {"AvailabilityErrorBudgetBurn", "LatencyErrorBudgetBurn"}  # test_budget_alerts.py

    assert {*alerts()} == {case.alert for case in CASES} | burns


@pytest.mark.parametrize("name", alerts())
def test_every_alert_has_a_severity_a_summary_and_a_runbook_section(name: str) -> None:
    text = alerts()[name]
    section = RUNBOOK.partition(f"\n## {name}\n")[2].partition("\n## ")[0]

    assert re.search(r"severity: (page|ticket)\b", text)
    assert "summary:" in text
    assert f"runbook_url: observability/RUNBOOK.md#{name.lower()}" in text
    assert all(word in section for word in ("**Meaning**", "**Look**", "**Do**"))


def test_the_runbook_explains_every_database_error_cause_and_the_alert_uses_existing_ones() -> None:
    section = RUNBOOK.partition("\n## The database is unavailable\n")[2].partition("\n## ")[0]
    [asked] = re.findall(r'cause=~"([^"]+)"', alerts()["DatabasePermanentErrors"])

    assert [cause for cause in Cause if f"`{cause}`" not in section] == []
    assert {*asked.split("|")} <= {*Cause}
