"""The configuration that Compose resolves: services, environment, ports, limits, order."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.config.settings import SECRETS, Settings
from tests.support.command import ROOT
from tests.support.stack.compose_stack import Stack, project_settings, require_engine

pytestmark = pytest.mark.slow

ALWAYS = {"prepare", "migrate", "api", "nginx", "edge", "prometheus", "alertmanager", "grafana"}
# Set by the image and by deploy/up.
FIXED = {"host", "port", "data_dir", "revision"}
REMOTE = "postgres://a:b@db.example/tasks"
SECRET_NAMES = {name.upper() for name in SECRETS}


def configured(tmp_path: Path, *words: str, **settings: str) -> dict[str, Any]:
    """The services with all variables resolved."""
    require_engine()
    project = Stack(project_settings(tmp_path) | settings)
    found: dict[str, Any] = json.loads(project.compose(*words, "config", "--format", "json"))
    services: dict[str, Any] = found["services"]
    return services


def test_a_local_database_starts_without_database_url(tmp_path: Path) -> None:
    assert {*configured(tmp_path)} == ALWAYS | {"db"}


@pytest.mark.parametrize("profile", ["", "auth"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_no_local_database_starts_with_database_url(
    name: str, profile: str, tmp_path: Path
) -> None:
    settings = {name: REMOTE, "COMPOSE_PROFILES": profile}

    assert {*configured(tmp_path, **settings)} == ALWAYS | ({profile} - {""})


def test_every_setting_reaches_the_api(tmp_path: Path) -> None:
    secret = SECRET_NAMES | {f"{name}_FILE" for name in SECRET_NAMES}
    names = {n.upper() for n in Settings.model_fields if n not in FIXED} - secret
    told = configured(tmp_path, **{name: f"the {name}" for name in names})["api"]["environment"]

    assert {name for name in names if told.get(name) != f"the {name}"} == set()


def test_a_setting_that_is_not_set_keeps_its_default(tmp_path: Path) -> None:
    told = configured(tmp_path)["api"]["environment"]
    said = {name: value for name, value in told.items() if value and "/run/secrets" not in value}

    assert {*said} <= {"BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL"}


@pytest.mark.parametrize("form", ["", "_FILE"])
def test_secrets_are_in_the_environment_of_prepare_only(form: str, tmp_path: Path) -> None:
    given = {f"{name}{form}": "/hidden" for name in SECRET_NAMES}
    services = configured(tmp_path, COMPOSE_PROFILES="auth", **given)
    told = {name: str(service.get("environment")) for name, service in services.items()}

    assert {name for name, text in told.items() if "hidden" in text} <= {"prepare"}
    assert ("hidden" in told["prepare"]) == (form == "")


def test_only_nginx_is_published_on_other_interfaces_than_loopback(tmp_path: Path) -> None:
    services = configured(tmp_path, BIND="0.0.0.0")
    ports = {name: {p["host_ip"] for p in s.get("ports", [])} for name, s in services.items()}

    assert ports.pop("nginx") == {"0.0.0.0"}
    assert {address for found in ports.values() for address in found} <= {"127.0.0.1"}
    assert not any(ports[name] for name in ("prepare", "db", "migrate", "api", "edge"))


def test_every_container_is_hardened_and_has_limits(tmp_path: Path) -> None:
    for name, service in configured(tmp_path, COMPOSE_PROFILES="auth").items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["pids_limit"] > 0, name
        assert service["logging"]["driver"] == "json-file", name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert service.get("read_only") or name == "db", name


def test_services_depend_on_each_other_in_start_order(tmp_path: Path) -> None:
    services = configured(tmp_path)
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }

    assert waits["db"] == {"prepare": "service_completed_successfully"}
    assert waits["migrate"] == waits["db"] | {"db": "service_healthy"}
    assert waits["api"]["migrate"] == "service_completed_successfully"
    assert waits["nginx"]["api"] == "service_healthy"
    assert services["nginx"]["depends_on"]["api"]["restart"] is True


def test_the_health_command_is_the_cheap_one_and_starts_early(tmp_path: Path) -> None:
    health = configured(tmp_path)["api"]["healthcheck"]

    assert health["test"] == ["CMD", "python", "-I", "-S", "deploy/healthcheck.py"]
    assert (health["start_period"], health["start_interval"]) == ("30s", "1s")
    assert b"/readyz" in (ROOT / "deploy" / "healthcheck.py").read_bytes()
