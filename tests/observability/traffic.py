"""Requests as the edge counts them: calm ones, failing ones, slow ones."""

from pathlib import Path

from tests.support.observability.promtool import RULES, Firing, Series, failure

WINDOWS = ("3d", "1d", "6h", "1h")
# Requests of 10,000 that fail, and how many of the windows, from the longest on, fire.
BURNS = [(9, 0), (11, 1), (28, 1), (32, 2), (58, 2), (62, 3), (142, 3), (146, 4)]
COUNTED: Series = {
    'edge_requests_total{status="200",by="api"}': "0+100x2000",
    'edge_request_seconds_count{status="2xx"}': "0+100x2000",
    'edge_request_seconds_bucket{status="2xx",le="0.5"}': "0+100x2000",
}
# Other alerts need these to be there.
CALM = COUNTED | {"edge_certificate_end": "9999999x2000"}
ONE_OF_THREE = CALM | {
    'edge_requests_total{status="200",by="api"}': "0x20 2x200",
    'edge_requests_total{status="503",by="api"}': "0x20 1x200",
}


def failing(of_10000: int) -> Series:
    """So many requests fail all the time."""
    return CALM | {
        'edge_requests_total{status="200",by="api"}': f"0+{10000 - of_10000}x200",
        'edge_requests_total{status="503",by="api"}': f"0+{of_10000}x200",
    }


def slow(of_1000: int) -> Series:
    """So many requests take between 500 and 750 ms all the time."""
    return CALM | {
        'edge_request_seconds_count{status="2xx"}': "0+1000x200",
        'edge_request_seconds_bucket{status="2xx",le="0.5"}': f"0+{1000 - of_1000}x200",
        'edge_request_seconds_bucket{status="2xx",le="0.75"}': "0+1000x200",
    }


def burning(objective: str, windows: int) -> set[str]:
    """The alerts of the longest windows."""
    return {f"{objective}ErrorBudgetBurn/{window}" for window in WINDOWS[:windows]}


def fired(tmp_path: Path, series: Series, firing: Firing) -> None:
    """Exactly these alerts fire at these times."""
    assert not failure(RULES, series, firing, tmp_path)
