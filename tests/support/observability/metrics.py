"""Parsing of ``GET /metrics``."""

import httpx2 as httpx
from prometheus_client.parser import text_string_to_metric_families


def scrape(base_url: object) -> str:
    """The current text of ``GET /metrics``."""
    return httpx.get(f"{base_url}".rstrip("/") + "/metrics").text


def total(text: str, name: str, **labels: str) -> float:
    """The sum of all samples with this name and these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def series(text: str) -> set[str]:
    """The names with labels of all series in a scrape."""
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")}
