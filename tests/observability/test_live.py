"""The stack under load with its own Prometheus: every panel has data."""

import re

import pytest
import yaml

from tests.observability.dashboards import FILES, annotations, has_value, queries, read
from tests.observability.monitored_stack import LOAD_SECONDS, SERVICES, MonitoredStack
from tests.support.observability.latency_table import rows
from tests.support.observability.promtool import RULES

pytestmark = pytest.mark.slow

READ = '{__name__=~".*_config_last_reload_success_timestamp_seconds"}'
MONITORING = ["edge", "prometheus", "alertmanager"]
QUERIES = [query for file in FILES for query in queries(read(file))]
MARKS = [query for file in FILES for query in annotations(read(file))]
RULE_TEXTS = [
    rule["expr"]
    for file in RULES.glob("*.yml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
SELECTOR = re.compile(r"\b(?:(?:edge|http|tasks|scrape)_\w+|slo:[\w:]+|up\b|ALERTS)(?:\{[^}]*\})?")
SHARES = {"list": 60, "get": 15, "create": 15, "toggle": 4, "update": 4, "delete": 2}


def test_make_load_sends_the_intended_mix_and_prints_the_latency_table(load: str) -> None:
    table = rows(load)
    requests = {name: int(row[0]) for name, row in table.items()}
    total = sum(requests[name] for name in SHARES)

    assert total > 20 * LOAD_SECONDS
    for name, share in SHARES.items():
        assert abs(100 * requests[name] / total - share) < 5
    assert min(requests["invalid-create"], requests["get-missing"]) > 0
    assert {row[1] for row in table.values()} == {"0"}
    assert all(re.fullmatch(r"[\d.]+%", row[-1]) for row in table.values())


def test_every_target_is_scraped(site: MonitoredStack) -> None:
    up = site.values("up")

    assert set(up.values()) == {1}
    assert len(up) == 4


def test_every_query_has_a_value(site: MonitoredStack) -> None:
    without_data = [
        query for query in QUERIES + MARKS if not has_value(site.prometheus, query.text)
    ]

    assert without_data == []


def test_every_series_in_a_query_or_rule_exists(site: MonitoredStack) -> None:
    texts = [query.text for query in QUERIES + MARKS]

    assert missing_series(site, texts + RULE_TEXTS) == set()


def test_a_renamed_metric_or_label_is_detected(site: MonitoredStack) -> None:
    texts = [query.text for query in QUERIES] + RULE_TEXTS
    metric = [text.replace("tasks_api_queue_", "tasks_renamed_") for text in texts]
    label = [text.replace('status="429"', 'code="429"') for text in texts]

    assert len(missing_series(site, metric)) == 1
    assert missing_series(site, label) == {'slo:responses:rate1m{code="429"}'}


def missing_series(site: MonitoredStack, texts: list[str]) -> set[str]:
    """The selectors in these queries that match no series."""
    selectors = {found for text in texts for found in SELECTOR.findall(text)}
    # Over the last hour: some alerts are already resolved.
    return {one for one in selectors if not site.values(f"count(last_over_time({one}[1h]))")}


@pytest.mark.parametrize("service", MONITORING)
def test_monitoring_containers_run_without_privileges(site: MonitoredStack, service: str) -> None:
    text = site.stack.run(service, "cat", "/proc/1/status")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    host = site.stack.inspect(service)["HostConfig"]

    assert "0" not in status["Uid"].split() + status["Gid"].split()
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert host["ReadonlyRootfs"] is True
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0


def test_alertmanager_accepts_its_configuration(site: MonitoredStack) -> None:
    file = "/etc/alertmanager/alertmanager.yml"

    assert "SUCCESS" in site.stack.run("alertmanager", "amtool", "check-config", file)


# The last one here: a minute after the load, the panels of the tests above show nothing.
def test_make_up_lets_changed_rules_and_settings_be_read(site: MonitoredStack) -> None:
    before = max(site.values(READ).values())
    site.stack.make("up", SERVICES)

    site.wait_for(f"min({READ})", lambda read: read > before)
