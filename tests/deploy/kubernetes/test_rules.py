"""The PrometheusRule: it uses only series that the API exports in our namespace."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from api.telemetry import request_metrics
from deploy.kubernetes import rules
from tests.deploy.kubernetes.kustomize import Object, manifests
from tests.observability.traffic_series import HEALTHY_TRAFFIC, burning, failing, slow
from tests.support.observability.promtool import Series, failure, promtool

JOB, OWN = 'job="api"', f'namespace="{rules.NAMESPACE}"'
# Bad requests, and the number of windows, from the longest on, that fire.
EACH_WINDOW = [(11, 1), (32, 2), (62, 3), (146, 4)]
# Series that Prometheus adds for every target.
SCRAPING = {"up", "scrape_duration_seconds"}
LABELS = re.compile(r"\b(?:by|on|without|ignoring) \([^)]*\)|\[[^]]*\]")
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)(\{[^}]*\})?(?!\w|\s*\()")
OPERATORS = {"and", "or", "unless"}


@pytest.fixture
def spec() -> Object:
    """The specification that the operator gives to Prometheus."""
    found: Object = manifests("production").one("PrometheusRule")["spec"]
    return found


@pytest.fixture
def folder(spec: Object, tmp_path: Path) -> Path:
    """A folder with the specification as a rule file."""
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(spec))
    return tmp_path


def all_rules(spec: Object) -> list[Object]:
    """Every rule of every group."""
    return [rule for group in spec["groups"] for rule in group["rules"]]


def name(rule: Object) -> str:
    """The name of the alert or of the recorded series."""
    return str(rule.get("alert", rule.get("record")))


def recorded(spec: Object) -> set[str]:
    """The names of the recorded series."""
    return {rule["record"] for rule in all_rules(spec) if "record" in rule}


def selectors(spec: Object) -> Iterator[tuple[str, str]]:
    """The name and the labels of every selector."""
    for rule in all_rules(spec):
        found = SELECTOR.findall(LABELS.sub("", rule["expr"]))
        yield from ((series, labels) for series, labels in found if series not in OPERATORS)


def api_series(series: Series, namespace: str = OWN) -> Series:
    """The series of the API that correspond to these series of the edge exporter."""
    for edge, api in rules.SERIES.items():
        series = {name.replace(edge, api): values for name, values in series.items()}
    counted = [name for name in series if name.startswith("http_")]
    return {f"{name[:-1]},{JOB},{namespace}}}": series[name] for name in counted}


def test_the_manifest_is_generated_from_the_rules_of_compose() -> None:
    stale = "run: python -m deploy.kubernetes.rules"

    assert rules.MANIFEST.read_text() == rules.manifest(), stale


def test_all_rules_are_there_but_those_on_our_nginx(spec: Object) -> None:
    files = [yaml.safe_load(path.read_text()) for path in rules.SOURCES.glob("*.yml")]
    names = Counter(name(rule) for file in files for rule in all_rules(file))
    edge = yaml.safe_load((rules.SOURCES / rules.OMITTED).read_text())

    assert Counter(map(name, all_rules(spec))) == names - Counter(map(name, all_rules(edge)))
    assert {*map(name, all_rules(edge))} == {
        "EdgeDown",
        "EdgeErrorsWithoutBackend",
        "CertificateExpiringSoon",
    }


def test_promtool_accepts_the_rules(folder: Path) -> None:
    checked = promtool("check", "rules", "--lint-fatal", folder / "rules.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_series_is_exported_or_recorded(spec: Object) -> None:
    exported = {f.name for f in REGISTRY.collect() if f.name.startswith(("http_", "tasks_"))}
    asked = {series for series, _ in selectors(spec)}
    own = {re.sub("_(total|bucket|count|sum)$", "", n) for n in asked - recorded(spec) - SCRAPING}

    assert request_metrics.REQUESTS, "the import registers the metrics of the API"
    assert {"http_requests", "tasks_api_in_flight"} < own <= exported


def test_the_dashboards_use_only_recorded_series_of_the_cluster(spec: Object) -> None:
    found = manifests("production").one("ConfigMap", "tasks-api-dashboards")["data"]
    asked = {*re.findall(r"\b(?:edge_\w+|\w+:[a-z]\w*:\w+)", "".join(found.values()))}

    assert "slo:error_budget_remaining:ratio" in asked
    assert asked <= recorded(spec)


def test_every_selector_names_our_job_and_namespace(spec: Object) -> None:
    for series, labels in selectors(spec):
        assert OWN in labels, series
        assert series in recorded(spec) or JOB in labels, series
    assert {rule["labels"]["namespace"] for rule in all_rules(spec)} == {rules.NAMESPACE}


@pytest.mark.slow
@pytest.mark.parametrize(("of_10000", "windows"), EACH_WINDOW)
def test_failures_fire_the_same_windows_as_in_compose(
    folder: Path, of_10000: int, windows: int
) -> None:
    fires = {"45m": burning("Availability", windows)}

    assert not failure(folder, api_series(failing(of_10000)), fires, folder)


@pytest.mark.slow
@pytest.mark.parametrize(("of_1000", "windows"), EACH_WINDOW)
def test_slow_answers_fire_the_same_windows_as_in_compose(
    folder: Path, of_1000: int, windows: int
) -> None:
    assert not failure(
        folder, api_series(slow(of_1000)), {"45m": burning("Latency", windows)}, folder
    )


def test_failures_in_another_namespace_fire_no_alert(folder: Path) -> None:
    theirs = 'namespace="theirs"'
    down = {f"up{{{JOB},{theirs}}}": "0x200"}
    series = api_series(HEALTHY_TRAFFIC) | api_series(failing(5000), theirs) | down

    assert not failure(folder, series, {"45m": set()}, folder)


def test_a_cluster_without_requests_fires_no_alert(folder: Path) -> None:
    series = {f"up{{{JOB},{OWN}}}": "1x200"}

    assert not failure(folder, series, {"60m": set()}, folder)


def test_missing_targets_fire_an_alert(folder: Path) -> None:
    series = {f'up{{{JOB},namespace="theirs"}}': "1x200"}

    assert not failure(folder, series, {"60m": {"SLIAbsent"}}, folder)
