"""Each pair of burn-rate windows fires above its factor, resolves, and needs enough traffic."""

from pathlib import Path

import pytest

from observability import slo
from tests.observability.traffic_series import (
    BURNS,
    HEALTHY_TRAFFIC,
    ONE_OF_THREE,
    assert_fires,
    burning,
    failing,
    slow,
)
from tests.support.observability.promtool import RULES, STEP, Firing, Series, failure, promtool

# 5 % of the requests fail; half of the answers are slow.
INCIDENTS: dict[str, Series] = {
    "Availability": {
        'edge_requests_total{status="503",answered_by="api"}': "0x120 0+5x40 200x2000"
    },
    "Latency": {
        'edge_request_duration_seconds_bucket{status="2xx",le="0.5"}': (
            "0+100x120 12052+52x40 14232+100x2000"
        )
    },
}


def test_the_rule_file_is_generated_from_the_objectives() -> None:
    assert slo.RULES.read_text() == slo.rules(slo.load())


def test_promtool_accepts_rules_and_configuration() -> None:
    checked = promtool("check", "config", RULES.parent / "prometheus.yml")
    linted = promtool("check", "rules", "--lint-fatal", *RULES.glob("*.yml"))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert f"{slo.INTERVAL}s" == STEP


@pytest.mark.parametrize(("of_10000", "windows"), BURNS)
def test_failures_fire_the_windows_above_whose_factor_they_are(
    tmp_path: Path, of_10000: int, windows: int
) -> None:
    assert_fires(tmp_path, failing(of_10000), {"45m": burning("Availability", windows)})


@pytest.mark.slow
@pytest.mark.parametrize(("of_1000", "windows"), BURNS)
def test_slow_answers_fire_the_windows_above_whose_factor_they_are(
    tmp_path: Path, of_1000: int, windows: int
) -> None:
    assert_fires(tmp_path, slow(of_1000), {"45m": burning("Latency", windows)})


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "incident"), INCIDENTS.items())
def test_each_alert_resolves_after_its_short_window(
    tmp_path: Path, objective: str, incident: Series
) -> None:
    """An hour without errors, an incident of twenty minutes, then no errors again."""
    everywhere = burning(objective, 4)
    times = {"59m": 0, "80m": 4, "90m": 3, "115m": 2, "205m": 1, "450m": 0}

    expected = {
        at: {n for n in everywhere if n in burning(objective, count)} for at, count in times.items()
    }
    assert_fires(tmp_path, HEALTHY_TRAFFIC | incident, expected)


@pytest.mark.parametrize(
    ("old", "new", "series", "firing"),
    [
        (" > 20\n", " >= 0\n", ONE_OF_THREE, {"11m": set()}),
        ("> 0.0144", "> 0.0288", failing(146), {"45m": burning("Availability", 4)}),
        ("> 0.06", "> 0.03", slow(58), {"45m": burning("Latency", 2)}),
        ('le="0.5"', 'le="0.75"', slow(146), {"45m": burning("Latency", 4)}),
    ],
)
def test_a_changed_rule_fails_these_tests(
    tmp_path: Path, old: str, new: str, series: Series, firing: Firing
) -> None:
    text = slo.RULES.read_text()
    assert old in text
    (tmp_path / "slo.yml").write_text(text.replace(old, new))
    (tmp_path / "edge.yml").write_text((RULES / "edge.yml").read_text())

    assert failure(tmp_path, series, firing, tmp_path)
