"""Where little happens, or nothing, or too much: what is recorded, and that nobody is called."""

from pathlib import Path

from tests.observability.traffic import CALM, COUNTED, ONE_OF_THREE, failing, fired
from tests.support.observability.promtool import difference

WELL = {
    'slo:error_ratio:1h{slo="availability"}': 0.0,
    'slo:error_ratio:1h{slo="latency"}': 0.0,
    'slo:burn:1h{slo="availability"}': 0.0,
    'slo:budget_left:ratio{slo="availability"}': 1.0,
    'slo:budget_left:ratio{slo="latency"}': 1.0,
}


def test_one_failure_of_three_alerts_nobody(tmp_path: Path) -> None:
    fired(tmp_path, ONE_OF_THREE, {"11m": set(), "15m": set(), "60m": set()})


def test_five_slow_answers_of_five_alert_nobody(tmp_path: Path) -> None:
    series = CALM | {
        'edge_request_seconds_count{status="2xx"}': "0x20 5x200",
        'edge_request_seconds_bucket{status="2xx",le="0.5"}': "0x220",
    }

    fired(tmp_path, series, {"11m": set(), "15m": set(), "60m": set()})


def test_errors_that_have_no_series_yet_count_as_none(tmp_path: Path) -> None:
    fired(tmp_path, CALM, {"60m": set()})
    assert not difference(CALM, "60m", WELL, tmp_path)


def test_quick_answers_that_nobody_counts_are_slow_ones(tmp_path: Path) -> None:
    series = {name: values for name, values in CALM.items() if "bucket" not in name}

    assert not difference(series, "60m", {'slo:error_ratio:1h{slo="latency"}': 1.0}, tmp_path)


def test_what_is_left_and_how_fast_it_goes_is_recorded(tmp_path: Path) -> None:
    failed = {
        'slo:error_ratio:1h{slo="availability"}': 0.02,
        'slo:burn:1h{slo="availability"}': 20.0,
        'slo:budget_left:ratio{slo="availability"}': -19.0,
        'slo:budget_left:ratio{slo="latency"}': 1.0,
    }

    assert not difference(failing(200), "60m", failed, tmp_path)


def test_a_restart_of_the_counter_is_no_burst(tmp_path: Path) -> None:
    series = CALM | dict.fromkeys(COUNTED, "0+100x100 0+100x100")

    fired(tmp_path, series, {"49m": set(), "51m": set(), "60m": set()})


def test_silence_is_no_failure(tmp_path: Path) -> None:
    series = CALM | dict.fromkeys(COUNTED, "0x200")

    fired(tmp_path, series, {"60m": set()})
    assert not difference(series, "60m", WELL, tmp_path)
