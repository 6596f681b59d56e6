"""Input series for promtool: healthy, failing and slow traffic as the edge exporter counts it."""

from pathlib import Path

from tests.support.observability.promtool import RULES, Firing, Series, failure

WINDOWS = ("3d", "1d", "6h", "1h")
# Bad requests of 10,000, and the number of windows, from the longest on, that fire.
BURNS = [(9, 0), (11, 1), (28, 1), (32, 2), (58, 2), (62, 3), (142, 3), (146, 4)]
COUNTED: Series = {
    'edge_requests_total{status="200",answered_by="api"}': "0+100x2000",
    'edge_request_duration_seconds_count{status="2xx"}': "0+100x2000",
    'edge_request_duration_seconds_bucket{status="2xx",le="0.5"}': "0+100x2000",
}
# Without the certificate, EdgeDown would fire.
HEALTHY_TRAFFIC = COUNTED | {"edge_certificate_expiry_timestamp_seconds": "9999999x2000"}
ONE_OF_THREE = HEALTHY_TRAFFIC | {
    'edge_requests_total{status="200",answered_by="api"}': "0x20 2x200",
    'edge_requests_total{status="503",answered_by="api"}': "0x20 1x200",
}


def failing(of_10000: int) -> Series:
    """A constant number of every 10,000 requests fails."""
    return HEALTHY_TRAFFIC | {
        'edge_requests_total{status="200",answered_by="api"}': f"0+{10000 - of_10000}x200",
        'edge_requests_total{status="503",answered_by="api"}': f"0+{of_10000}x200",
    }


def slow(of_1000: int) -> Series:
    """A constant number of every 1,000 requests takes between 500 and 750 ms."""
    return HEALTHY_TRAFFIC | {
        'edge_request_duration_seconds_count{status="2xx"}': "0+1000x200",
        'edge_request_duration_seconds_bucket{status="2xx",le="0.5"}': f"0+{1000 - of_1000}x200",
        'edge_request_duration_seconds_bucket{status="2xx",le="0.75"}': "0+1000x200",
    }


def burning(objective: str, windows: int) -> set[str]:
    """The names of the alerts with so many windows, the longest first."""
    return {f"{objective}ErrorBudgetBurn/{window}" for window in WINDOWS[:windows]}


def assert_fires(tmp_path: Path, series: Series, firing: Firing) -> None:
    """Assert that exactly these alerts fire at these times."""
    assert not failure(RULES, series, firing, tmp_path)
