"""The configuration that Compose resolves: services, environment, ports, limits, order."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from api.config.settings import SECRETS, Settings
from tests.deploy.clones import clone
from tests.support.command import ROOT, finished
from tests.support.database.embedded_postgres import readable_folder
from tests.support.stack.compose_stack import Stack, project_settings, require_engine

pytestmark = pytest.mark.slow

ALWAYS = {"prepare", "migrate", "api", "nginx", "edge", "prometheus", "alertmanager", "grafana"}
# Set by the image and by deploy/up.
FIXED = {"host", "port", "data_dir", "revision"}
REMOTE = "postgres://a:b@db.example/tasks"
SECRET_NAMES = {name.upper() for name in SECRETS}
PORTS = ("HTTPS_PORT", "HTTP_PORT", "GRAFANA_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")
STACK_SETTINGS = {"BIND": "0.0.0.0", "NGINX_LIMITS": "./own.conf", "DATA_DIR": "own"} | {
    name: f"{40_000 + number}" for number, name in enumerate(PORTS)
}
# Instead of building, it writes down what Compose would start.
RECORDING = """#!/bin/sh
case "$*" in
  "compose build"*) {docker} compose config --format json > config.json; exit 1 ;;
  *) exec {docker} "$@" ;;
esac
"""


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


def test_make_up_and_plain_compose_take_every_setting_of_dotenv(tmp_path: Path) -> None:
    require_engine()
    secret = {name.lower() for name in SECRET_NAMES}
    fixed = FIXED | secret | {f"{name}_file" for name in secret}
    names = {name.upper() for name in Settings.model_fields if name not in fixed}
    values = {name: f"the {name}" for name in names} | STACK_SETTINGS | {"REPLICAS": "3"}
    stand_in = tmp_path / "docker"
    stand_in.write_text(RECORDING.format(docker=shutil.which("docker")))
    stand_in.chmod(0o755)
    with readable_folder() as path:
        clone(path)
        project = {"COMPOSE_PROJECT_NAME": "dotenv"}
        (path / ".env").write_text("".join(f"{name}={values[name]}\n" for name in values))
        plain = json.loads(Stack(project, path).compose("config", "--format", "json"))
        with finished(
            "make", "up", cwd=path, settings=project | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        ):
            started = json.loads((path / "config.json").read_text())

    told = plain["services"]["api"]
    assert started == plain
    assert {name for name in names if told["environment"].get(name) != values[name]} == set()
    assert told["scale"] == int(values["REPLICAS"])
    assert {name for name in PORTS if values[name] not in str(plain["services"])} == set()


def test_a_setting_that_is_not_set_keeps_its_default(tmp_path: Path) -> None:
    told = configured(tmp_path)["api"]["environment"]
    said = {name: value for name, value in told.items() if value and "/run/secrets" not in value}

    assert said.pop("INSTANCES") == "1"
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

    prepared = {"prepare": "service_completed_successfully"}
    assert waits["migrate"] == prepared | {"db": "service_healthy"}
    assert waits["api"] == {"migrate": "service_completed_successfully"}


def test_a_release_recreates_no_service_but_those_of_its_image(tmp_path: Path) -> None:
    services = configured(tmp_path, COMPOSE_PROJECT_NAME="own")
    released = {name for name, service in services.items() if service["image"] == "own"}

    assert released == {"prepare", "migrate", "api", "edge"}
    for name in services.keys() - released:
        assert not released & services[name].get("depends_on", {}).keys(), name


@pytest.mark.parametrize("replicas", ["", "3"])
def test_replicas_count_as_instances(replicas: str, tmp_path: Path) -> None:
    services = configured(tmp_path, REPLICAS=replicas)

    assert services["api"]["scale"] == int(replicas or 1)
    assert services["migrate"]["environment"]["INSTANCES"] == (replicas or "1")


def test_the_health_command_is_the_cheap_one_and_starts_early(tmp_path: Path) -> None:
    health = configured(tmp_path)["api"]["healthcheck"]

    assert health["test"] == ["CMD", "python", "-I", "-S", "deploy/healthcheck.py"]
    assert (health["start_period"], health["start_interval"]) == ("30s", "1s")
    assert b"/readyz" in (ROOT / "deploy" / "healthcheck.py").read_bytes()
