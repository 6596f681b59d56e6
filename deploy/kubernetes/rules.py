"""Prometheus' rules in the operator's form: ``python -m deploy.kubernetes.rules`` writes them.

No nginx of ours stands before the API in a cluster, so the API's own counters take its place: they
have the same labels, and do not see what the cluster's proxy answers itself. And a cluster's
Prometheus watches others too, so every selector says whose series it means.
"""

import re
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "observability" / "prometheus" / "rules"
MANIFEST = HERE / "monitoring" / "rules.yaml"
NAMESPACE = "tasks"
SERIES = {
    "edge_requests_total": "http_requests_total",
    "edge_request_seconds": "http_request_duration_seconds",
}
# It asks for what only our nginx tells.
LEFT_OUT = "edge.yml"
# A counter has no series before the first request: that alone is no alert.
GUARDS = {"SLIAbsent": "({}) unless on () up"}
SELECTOR = re.compile(r"\b(up|(?:http|tasks|scrape)_\w+|\w+:[\w:]+)\b(?:\{([^}]*)\})?")
HEAD = "# Made by `python -m deploy.kubernetes.rules` of observability/prometheus/rules.\n"


def manifest() -> str:
    """One object with the groups of every file."""
    files = [path for path in sorted(SOURCES.glob("*.yml")) if path.name != LEFT_OUT]
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    for group in groups:
        group["rules"] = [_own(rule) for rule in group["rules"]]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tasks-api", "labels": {"app.kubernetes.io/name": "tasks-api"}},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.safe_dump(rule, sort_keys=False, width=10_000)


def _own(rule: dict[str, Any]) -> dict[str, Any]:
    """The same about the API's own series; its outcome says the namespace too."""
    text = " ".join(rule["expr"].split())
    for edge, own in SERIES.items():
        text = text.replace(edge, own)
    text = GUARDS.get(rule.get("alert", ""), "{}").format(text)
    labels = rule.get("labels", {}) | {"namespace": NAMESPACE}
    return rule | {"expr": SELECTOR.sub(_narrowed, text), "labels": labels}


def _narrowed(selector: re.Match[str]) -> str:
    """A series that rules recorded has no job any more."""
    name, given = selector[1], selector[2]
    job = "" if ":" in name or "job=" in (given or "") else 'job="api"'
    labels = [given, job, f'namespace="{NAMESPACE}"']
    return name + "{" + ",".join(filter(None, labels)) + "}"


if __name__ == "__main__":
    MANIFEST.write_text(manifest())
