"""Generates the PrometheusRule of the cluster: ``python -m deploy.kubernetes.rules``.

In a cluster our nginx does not run, so the rules use the API's own counters in place of the edge
exporter's. These have the same labels, but do not count what the Ingress controller answers itself.
A cluster's Prometheus also scrapes other applications, so every selector names job and namespace.
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
    "edge_request_duration_seconds": "http_request_duration_seconds",
}
# These rules need the edge exporter.
OMITTED = "edge.yml"
# In a cluster SLIAbsent fires for an API without a target.
IN_COMPOSE_ALONE = ' or (absent(up{job="api"}) and on () group(up))'
# A counter has no series before the first request, which must not fire this alert.
GUARDS = {"SLIAbsent": "({}) unless on () up"}
SELECTOR = re.compile(r"\b(up|(?:http|tasks|scrape)_\w+|\w+:[\w:]+)\b(?:\{([^}]*)\})?")
HEADER = (
    "# Generated from observability/prometheus/rules by `python -m deploy.kubernetes.rules`;"
    " do not edit.\n"
)


def manifest() -> str:
    """The PrometheusRule, in YAML, with the rule groups of every file."""
    files = [path for path in sorted(SOURCES.glob("*.yml")) if path.name != OMITTED]
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    for group in groups:
        group["rules"] = [_for_cluster(rule) for rule in group["rules"]]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tasks-api", "labels": {"app.kubernetes.io/name": "tasks-api"}},
        "spec": {"groups": groups},
    }
    return HEADER + yaml.safe_dump(rule, sort_keys=False, width=10_000)


def _for_cluster(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule on the API's own series of our namespace, with the namespace as a label."""
    text = " ".join(rule["expr"].split()).replace(IN_COMPOSE_ALONE, "")
    for edge, api in SERIES.items():
        text = text.replace(edge, api)
    text = GUARDS.get(rule.get("alert", ""), "{}").format(text)
    labels = rule.get("labels", {}) | {"namespace": NAMESPACE}
    return rule | {"expr": SELECTOR.sub(_with_namespace, text), "labels": labels}


def _with_namespace(selector: re.Match[str]) -> str:
    """The selector with namespace and job; recorded series have no job label."""
    name, given = selector[1], selector[2]
    job = "" if ":" in name or "job=" in (given or "") else 'job="api"'
    labels = [given, job, f'namespace="{NAMESPACE}"']
    return name + "{" + ",".join(filter(None, labels)) + "}"


if __name__ == "__main__":
    MANIFEST.write_text(manifest())
