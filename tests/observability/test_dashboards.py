"""The dashboard files: their format, and what an engineer on call needs in them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.dashboards import FILES, panels, read
from tests.support.command import ROOT

RUNBOOK = ROOT / "observability" / "RUNBOOK.md"
PROVISIONING = ROOT / "observability" / "grafana" / "provisioning"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
# Schema version of the classic model by major version of Grafana: api/DECISIONS.md.
SCHEMA = {"13": 42}
COLUMNS = 24
COUNTER = re.compile(r"\w+_(?:total|bucket|count|sum)\b")
RATED = re.compile(r"(?:rate|increase)\(\w+(?:\{[^}]*\})?\[[^\]]+\]\)")
# Queries with such a part may have no series before the event first happens.
EVENTS = (
    "status=~",
    "outcome!=",
    "> 0",
    "/ (",
    "tasks_api_shed",
    "cold_starts",
    "retries",
    "ALERTS",
)


@pytest.fixture(params=FILES, ids=lambda file: str(file.stem))
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each of the dashboards."""
    file: Path = request.param
    return read(file)


def test_there_are_three_dashboards_with_unique_uids() -> None:
    uids = [read(file)["uid"] for file in FILES]

    assert sorted(uids) == ["tasks-runtime", "tasks-service", "tasks-users"]


def test_the_schema_fits_the_version_of_grafana_in_compose(dashboard: dict[str, Any]) -> None:
    version = COMPOSE["grafana"]["image"].partition(":")[2]

    assert dashboard["schemaVersion"] == SCHEMA[version.partition(".")[0]]
    assert {panel["pluginVersion"] for panel in panels(dashboard)} == {version}
    assert "id" not in dashboard
    assert dashboard["editable"] is False
    assert {panel["type"] for panel in dashboard["panels"]} <= {"row", "stat", "timeseries"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_the_files_are_formatted_as_json_dumps_does(file: Path) -> None:
    text = file.read_text()

    assert text == json.dumps(json.loads(text), indent=2) + "\n"


def test_grafana_is_provisioned_with_the_files_and_the_data_source() -> None:
    [provider] = _provisioned("dashboards/tasks.yml")["providers"]
    [source] = _provisioned("datasources/prometheus.yml")["datasources"]
    mounts = [volume.split(":")[:2] for volume in COMPOSE["grafana"]["volumes"]]
    chosen = {read(file)["templating"]["list"][0]["current"]["value"] for file in FILES}

    assert ["./observability/grafana/dashboards", provider["options"]["path"]] in mounts
    assert ["./observability/grafana/provisioning", "/etc/grafana/provisioning"] in mounts
    assert chosen == {source["uid"]}


def _provisioned(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROVISIONING / name).read_text())
    return found


def test_panels_have_unique_ids_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    found = dashboard["panels"]
    places = [
        (x, y)
        for at in (panel["gridPos"] for panel in found)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in found}) == len(found)
    assert len({*places}) == len(places)
    assert max(x for x, _ in places) < COLUMNS


def test_every_query_uses_the_selected_data_source(dashboard: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    queried = [*panels(dashboard), *dashboard["annotations"]["list"]]
    queried += [target for panel in panels(dashboard) for target in panel["targets"]]
    queried += [v for v in dashboard["templating"]["list"] if v["type"] == "query"]

    assert all(one["datasource"] == chosen for one in queried)
    assert dashboard["templating"]["list"][0]["current"]["value"] == "prometheus"


def test_every_panel_has_a_unit_and_a_description(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"]
        assert len(panel["description"]) > 50, panel["title"]


def test_ratios_and_rare_events_show_zero_without_data(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for text in (target["expr"] for target in panel["targets"]):
            needs = "histogram_quantile" in text or any(event in text for event in EVENTS)
            assert not needs or re.search(r"or (?:on \(\) )?vector\([01]\)", text), text


def test_quantiles_are_computed_over_all_workers(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for text in (target["expr"] for target in panel["targets"]):
            assert text.count("histogram_quantile(") == text.count(", sum by (le")


def test_counters_are_shown_as_rates_only(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert not COUNTER.search(RATED.sub("", target["expr"])), target["expr"]


def test_deployments_are_annotated(dashboard: dict[str, Any]) -> None:
    marks = dashboard["annotations"]["list"][0]

    assert "by (version, revision) (tasks_api_build_info)" in marks["expr"]
    assert "{{version}} {{revision}}" in marks["titleFormat"]


def test_every_panel_named_in_the_runbook_exists() -> None:
    titles = {panel["title"] for file in FILES for panel in panels(read(file))}
    named = {*re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", RUNBOOK.read_text())}

    assert named
    assert named - titles - {read(file)["title"] for file in FILES} == set()
