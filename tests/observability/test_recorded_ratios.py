"""The recorded ratios, and no false alerts with little traffic, none, or a counter reset."""

from pathlib import Path

from tests.observability.traffic_series import (
    COUNTED,
    HEALTHY_TRAFFIC,
    ONE_OF_THREE,
    assert_fires,
    failing,
)
from tests.support.observability.promtool import difference

HEALTHY = {
    'slo:error_ratio:1h{slo="availability"}': 0.0,
    'slo:error_ratio:1h{slo="latency"}': 0.0,
    'slo:burn_rate:1h{slo="availability"}': 0.0,
    'slo:error_budget_remaining:ratio{slo="availability"}': 1.0,
    'slo:error_budget_remaining:ratio{slo="latency"}': 1.0,
}


def test_one_failure_of_three_requests_fires_no_alert(tmp_path: Path) -> None:
    assert_fires(tmp_path, ONE_OF_THREE, {"11m": set(), "15m": set(), "60m": set()})


def test_five_slow_answers_of_five_fire_no_alert(tmp_path: Path) -> None:
    series = HEALTHY_TRAFFIC | {
        'edge_request_duration_seconds_count{status="2xx"}': "0x20 5x200",
        'edge_request_duration_seconds_bucket{status="2xx",le="0.5"}': "0x220",
    }

    assert_fires(tmp_path, series, {"11m": set(), "15m": set(), "60m": set()})


def test_a_missing_error_series_counts_as_no_errors(tmp_path: Path) -> None:
    assert_fires(tmp_path, HEALTHY_TRAFFIC, {"60m": set()})
    assert not difference(HEALTHY_TRAFFIC, "60m", HEALTHY, tmp_path)


def test_a_missing_series_of_fast_answers_counts_all_as_slow(tmp_path: Path) -> None:
    series = {name: values for name, values in HEALTHY_TRAFFIC.items() if "bucket" not in name}

    assert not difference(series, "60m", {'slo:error_ratio:1h{slo="latency"}': 1.0}, tmp_path)


def test_remaining_error_budget_and_burn_rate_are_recorded(tmp_path: Path) -> None:
    failed = {
        'slo:error_ratio:1h{slo="availability"}': 0.02,
        'slo:burn_rate:1h{slo="availability"}': 20.0,
        'slo:error_budget_remaining:ratio{slo="availability"}': -19.0,
        'slo:error_budget_remaining:ratio{slo="latency"}': 1.0,
    }

    assert not difference(failing(200), "60m", failed, tmp_path)


def test_a_counter_reset_is_no_burst(tmp_path: Path) -> None:
    series = HEALTHY_TRAFFIC | dict.fromkeys(COUNTED, "0+100x100 0+100x100")

    assert_fires(tmp_path, series, {"49m": set(), "51m": set(), "60m": set()})


def test_no_traffic_is_no_failure(tmp_path: Path) -> None:
    series = HEALTHY_TRAFFIC | dict.fromkeys(COUNTED, "0x200")

    assert_fires(tmp_path, series, {"60m": set()})
    assert not difference(series, "60m", HEALTHY, tmp_path)
