"""The dashboard *Service* shows a good state only if requests were counted."""

from pathlib import Path
from typing import Any

import pytest

from tests.observability.dashboards import FOLDER, panel_query, panels, read
from tests.support.observability.promtool import Series, difference

TITLES = (
    "Availability error budget remaining",
    "Latency error budget remaining",
    "Availability, last 5 minutes",
    "Under 500 ms, last 5 minutes",
)
FIRST_ROW = {panel_query(title): 1.0 for title in TITLES}
COUNTED: Series = {
    'edge_requests_total{status="200",answered_by="api"}': "0+600x20",
    'edge_request_duration_seconds_count{status="2xx"}': "0+600x20",
    'edge_request_duration_seconds_bucket{status="2xx",le="0.5"}': "0+600x20",
}


def panel(title: str) -> dict[str, Any]:
    """The panel with this title."""
    [found] = [one for one in panels(read(FOLDER / "service.json")) if one["title"] == title]
    return found


def test_the_first_row_is_good_without_errors(tmp_path: Path) -> None:
    assert not difference(COUNTED, "10m", FIRST_ROW, tmp_path)


def test_missing_data_is_never_shown_as_good(tmp_path: Path) -> None:
    """Neither from the beginning nor 90 seconds after the edge exporter went down."""
    unknown = dict.fromkeys(FIRST_ROW, -1.0)

    assert not difference({}, "10m", unknown, tmp_path)
    assert not difference(COUNTED, "12m", unknown, tmp_path)


@pytest.mark.parametrize("title", ["Burn rate", "Latency"])
def test_a_line_without_data_is_not_zero(title: str) -> None:
    assert panel(title)["fieldConfig"]["defaults"]["noValue"] == "not counted"
    assert "vector" not in panel(title)["targets"][0]["expr"]


def test_minus_one_is_shown_as_not_counted_in_grey() -> None:
    for title in TITLES:
        [mapping] = panel(title)["fieldConfig"]["defaults"]["mappings"]
        shown = mapping["options"]["-1"]

        assert (shown["text"], shown["color"]) == ("not counted", "#808080")


def test_the_latency_panel_shows_the_objective_as_a_line() -> None:
    latency = panel("Latency")
    shown = latency["fieldConfig"]["defaults"]

    assert shown["custom"]["thresholdsStyle"]["mode"] == "dashed"
    assert [step["value"] for step in shown["thresholds"]["steps"]] == [None, 0.5]
    assert [target["expr"] for target in latency["targets"]] == ["slo:latency_seconds:quantile1m"]
