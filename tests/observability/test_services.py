"""The monitoring services in docker-compose.yml."""

import re
from collections import Counter
from typing import Any

import pytest
import yaml

from tests.support.command import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MONITORING = ["edge", "prometheus", "alertmanager", "grafana"]
DEFAULT = {"prepare", "db", "migrate", "api", "nginx", *MONITORING}


def test_monitoring_starts_by_default() -> None:
    """Services with a profile start on request; the profiles of db depend on DATABASE_URL."""
    plain = {name for name, found in SERVICES.items() if "profiles" not in found}

    assert plain | {"db"} == DEFAULT


@pytest.mark.parametrize("name", MONITORING)
def test_a_monitoring_service_is_restricted_and_has_a_health_check(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert service["mem_limit"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert "privileged" not in service


def test_published_ports_are_on_loopback_and_configurable() -> None:
    ports = [port for name in MONITORING for port in SERVICES[name].get("ports", [])]

    assert ports == [
        "127.0.0.1:${PROMETHEUS_PORT:-9090}:9090",
        "127.0.0.1:${ALERTMANAGER_PORT:-9093}:9093",
        "127.0.0.1:${GRAFANA_PORT:-3001}:3000",
    ]


def test_make_up_starts_the_targets_of_prometheus_with_it() -> None:
    file = ROOT / "observability" / "prometheus" / "prometheus.yml"
    jobs = Counter(job["job_name"] for job in yaml.safe_load(file.read_text())["scrape_configs"])
    functions = (ROOT / "deploy" / "up_functions.sh").read_text()
    [needed] = re.findall(r"for needed in (.*); do", functions)

    assert {*jobs} == {"api", "prometheus", *needed.split()}
