"""The dashboards of observability/grafana, and their queries."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.support.command import ROOT

FOLDER = ROOT / "observability" / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
# As Grafana replaces them: four scrape intervals, and every instance.
VARIABLES = {"$__rate_interval": "40s", "$__interval": "10s", "$instance": ".*"}


@dataclass(frozen=True)
class Query:
    """A PromQL expression and the panel or variable that it belongs to."""

    place: str
    text: str


def read(file: Path) -> dict[str, Any]:
    """The parsed dashboard file."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels, without rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict[str, Any]) -> list[Query]:
    """The queries of all panels and variables, as Grafana sends them."""
    asked = [
        Query(f"{dashboard['title']}: {panel['title']}", _filled(target["expr"]))
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]
    return [*asked, *(Query(f"{dashboard['title']}: ${n}", q) for n, q in _variables(dashboard))]


def annotations(dashboard: dict[str, Any]) -> list[Query]:
    """A query per annotation that has a value if it was shown in the last hour."""
    return [
        Query(f"{dashboard['title']}: {mark['name']}", f"max_over_time(({mark['expr']})[1h:10s])")
        for mark in dashboard["annotations"]["list"]
    ]


def panel_query(title: str, number: int = 0) -> str:
    """The query with this number of the panel with this title."""
    [panel] = [p for file in FILES for p in panels(read(file)) if p["title"] == title]
    return _filled(panel["targets"][number]["expr"])


def _variables(dashboard: dict[str, Any]) -> list[tuple[str, str]]:
    found = [v for v in dashboard["templating"]["list"] if v["type"] == "query"]
    return [
        (v["name"], re.sub(r"label_values\((.*), \w+\)", r"\1", v["definition"])) for v in found
    ]


def _filled(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


def values(prometheus: str, query: str) -> dict[str, float]:
    """The current values of an instant query, by the label values of each series."""
    with urlopen(f"{prometheus}/api/v1/query?{urlencode({'query': query})}") as answer:
        series = json.load(answer)["data"]["result"]
    return {",".join(sorted(s["metric"].values())): float(s["value"][1]) for s in series}


def has_value(prometheus: str, query: str) -> bool:
    """Whether at least one series has a value that is not NaN."""
    return any(value == value for value in values(prometheus, query).values())  # noqa: PLR0124
