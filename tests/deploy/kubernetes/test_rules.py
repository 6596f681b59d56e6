"""Prometheus' rules in the cluster: about our series alone, and about such as are there."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from api.telemetry import metrics
from deploy.kubernetes import rules
from tests.deploy.kubernetes.kustomize import Object, manifests
from tests.observability.traffic_series import HEALTHY_TRAFFIC, burning, failing, slow
from tests.support.observability.promtool import Series, failure, promtool

JOB, PLACE = 'job="api"', f'namespace="{rules.NAMESPACE}"'
# Bad requests of so many, and how many of the windows, from the longest on, fire.
EACH_WINDOW = [(11, 1), (32, 2), (62, 3), (146, 4)]
# Prometheus' own, for every target.
SCRAPING = {"up", "scrape_duration_seconds"}
LABELS = re.compile(r"\b(?:by|on|without|ignoring) \([^)]*\)|\[[^]]*\]")
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)(\{[^}]*\})?(?!\w|\s*\()")
OPERATORS = {"and", "or", "unless"}


@pytest.fixture
def spec() -> Object:
    """What the operator hands to Prometheus."""
    found: Object = manifests("production").one("PrometheusRule")["spec"]
    return found


@pytest.fixture
def folder(spec: Object, tmp_path: Path) -> Path:
    """A folder with that as a rule file."""
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(spec))
    return tmp_path


def every(spec: Object) -> list[Object]:
    """Every rule of every group."""
    return [rule for group in spec["groups"] for rule in group["rules"]]


def name(rule: Object) -> str:
    """Of the alert, or of the series that it makes."""
    return str(rule.get("alert", rule.get("record")))


def recorded(spec: Object) -> set[str]:
    """The series that the rules make."""
    return {rule["record"] for rule in every(spec) if "record" in rule}


def selectors(spec: Object) -> Iterator[tuple[str, str]]:
    """Every series that is asked for, and which of them."""
    for rule in every(spec):
        found = SELECTOR.findall(LABELS.sub("", rule["expr"]))
        yield from ((series, labels) for series, labels in found if series not in OPERATORS)


def own(series: Series, place: str = PLACE) -> Series:
    """What the cluster's Prometheus has of the API where Compose's has the edge's."""
    for edge, api in rules.SERIES.items():
        series = {name.replace(edge, api): values for name, values in series.items()}
    counted = [name for name in series if name.startswith("http_")]
    return {f"{name[:-1]},{JOB},{place}}}": series[name] for name in counted}


def test_the_rules_are_made_of_those_of_compose() -> None:
    stale = "run: python -m deploy.kubernetes.rules"

    assert rules.MANIFEST.read_text() == rules.manifest(), stale


def test_all_are_there_but_those_about_our_nginx(spec: Object) -> None:
    files = [yaml.safe_load(path.read_text()) for path in rules.SOURCES.glob("*.yml")]
    names = Counter(name(rule) for file in files for rule in every(file))
    edge = yaml.safe_load((rules.SOURCES / rules.OMITTED).read_text())

    assert Counter(map(name, every(spec))) == names - Counter(map(name, every(edge)))
    assert {*map(name, every(edge))} == {
        "EdgeDown",
        "EdgeErrorsWithoutBackend",
        "CertificateExpiringSoon",
    }


def test_prometheus_takes_them(folder: Path) -> None:
    checked = promtool("check", "rules", "--lint-fatal", folder / "rules.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_series_is_exported_or_recorded(spec: Object) -> None:
    exported = {f.name for f in REGISTRY.collect() if f.name.startswith(("http_", "tasks_"))}
    asked = {series for series, _ in selectors(spec)}
    own = {re.sub("_(total|bucket|count|sum)$", "", n) for n in asked - recorded(spec) - SCRAPING}

    assert metrics.count_request, "the API's own are in the registry"
    assert {"http_requests", "tasks_api_in_flight"} < own <= exported


def test_the_dashboards_ask_for_nothing_that_only_compose_records(spec: Object) -> None:
    found = manifests("production").one("ConfigMap", "tasks-api-dashboards")["data"]
    asked = {*re.findall(r"\b(?:edge_\w+|\w+:[a-z]\w*:\w+)", "".join(found.values()))}

    assert "slo:error_budget_remaining:ratio" in asked
    assert asked <= recorded(spec)


def test_every_selector_names_our_job_and_namespace(spec: Object) -> None:
    for series, labels in selectors(spec):
        assert PLACE in labels, series
        assert series in recorded(spec) or JOB in labels, series
    assert {rule["labels"]["namespace"] for rule in every(spec)} == {rules.NAMESPACE}


@pytest.mark.slow
@pytest.mark.parametrize(("of_10000", "windows"), EACH_WINDOW)
def test_failures_page_and_ticket_as_in_compose(folder: Path, of_10000: int, windows: int) -> None:
    fires = {"45m": burning("Availability", windows)}

    assert not failure(folder, own(failing(of_10000)), fires, folder)


@pytest.mark.slow
@pytest.mark.parametrize(("of_1000", "windows"), EACH_WINDOW)
def test_slow_answers_page_and_ticket_as_in_compose(
    folder: Path, of_1000: int, windows: int
) -> None:
    assert not failure(folder, own(slow(of_1000)), {"45m": burning("Latency", windows)}, folder)


def test_a_neighbour_that_fails_alerts_nobody(folder: Path) -> None:
    theirs = 'namespace="theirs"'
    down = {f"up{{{JOB},{theirs}}}": "0x200"}
    series = own(HEALTHY_TRAFFIC) | own(failing(5000), theirs) | down

    assert not failure(folder, series, {"45m": set()}, folder)


def test_a_cluster_where_nobody_asked_yet_alerts_nobody(folder: Path) -> None:
    series = {f"up{{{JOB},{PLACE}}}": "1x200"}

    assert not failure(folder, series, {"60m": set()}, folder)


def test_targets_that_nobody_finds_are_an_alert(folder: Path) -> None:
    series = {f'up{{{JOB},namespace="theirs"}}': "1x200"}

    assert not failure(folder, series, {"60m": {"SLIAbsent"}}, folder)
