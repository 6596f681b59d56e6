"""Changes to a running stack under load: releases, settings, secrets, replicas, mistakes."""

import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.deploy.checked_traffic import checked_traffic
from tests.deploy.clones import clone
from tests.support.command import finished, free_port, running
from tests.support.database.embedded_postgres import readable_folder
from tests.support.stack.compose_project import BUILD_SECONDS
from tests.support.stack.compose_stack import Stack, project_settings, require_engine
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SECRETS = ("a first secret of at least thirty-two bytes", "second secret of at least thirty-two")
UP = ("make", "up", "SERVICES=api nginx edge")
LONG_RUNNING = ("db", "api", "nginx", "edge")
CANARY_LIMITS = """
limit_req_zone $http_x_canary zone=canary:1m rate=1r/m;
limit_req zone=canary;
limit_req_status 429;
"""


class ChangedStack(Stack):
    """A stack in a clone of its own, with an ``.env`` that tests change."""

    def set(self, **settings: str) -> None:
        """Write the settings, and the ports, into ``.env``."""
        ports = {n: self.settings[n] for n in ("HTTPS_PORT", "HTTP_PORT")}
        usual = {"NGINX_LIMITS": "limits.conf", "BETTER_AUTH_SECRET": SECRETS[0]}
        every = usual | {"BETTER_AUTH_URL": ""} | ports | settings
        text = "".join(f"{name}={value}\n" for name, value in every.items())
        (self.clone / ".env").write_text(text)

    def release(self, line: str) -> None:
        """Append a line to the API's sources."""
        with (self.clone / "api" / "main.py").open("a") as source:
            source.write(f"{line}\n")

    def withdraw(self, line: str) -> None:
        """Remove that line."""
        path = self.clone / "api" / "main.py"
        path.write_text(path.read_text().replace(f"{line}\n", ""))

    def replace(self, name: str, text: str) -> None:
        """Replace a file by renaming, as editors do."""
        draft = self.clone / f"{name}.new"
        draft.write_text(text)
        draft.rename(self.clone / name)

    def ids(self, *services: str) -> dict[str, list[str]]:
        """The ids and start times of the containers of each service."""
        words = ("inspect", "--format", "{{.Id}} {{.State.StartedAt}}")
        return {
            name: sorted(self.docker(*words, *self.compose("ps", "-q", name).split()).splitlines())
            for name in services
        }

    def get(self, path: str, headers: dict[str, str]) -> int:
        """The status of a GET with these headers."""
        return httpx.get(self.base_url + path, headers=headers, verify=self.trust()).status_code

    def is_healthy(self, container: str) -> bool:
        """Whether the engine's health check of the container passes."""
        words = ("inspect", "--format", "{{.State.Health.Status}}", container)
        return self.docker(*words).strip() == "healthy"

    def fails(self, *words: str) -> list[str]:
        """The error lines of a command that fails."""
        with running(*words, cwd=self.clone, settings=self.settings) as command:
            assert command.process.wait(BUILD_SECONDS) != 0
            return command.error_lines()


@pytest.fixture(scope="module")
def stack() -> Iterator[ChangedStack]:
    """A stack with two secrets known to the tests, and without rate limits."""
    require_engine()
    with readable_folder() as path:
        clone(path)
        usual = project_settings(path / ".data")
        names = ("COMPOSE_PROJECT_NAME", "DATA_DIR", "HTTPS_PORT", "HTTP_PORT")
        stack = ChangedStack({name: usual[name] for name in names}, path)
        (path / "limits.conf").write_text("")
        stack.set()
        try:
            stack.said(*UP)
            yield stack
        finally:
            stack.compose(
                "down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5"
            )


@pytest.mark.parametrize(
    "commands", [(UP,), (("docker", "compose", "up", "-d", *LONG_RUNNING), UP)]
)
def test_without_a_change_nothing_restarts(
    stack: ChangedStack, commands: tuple[tuple[str, ...], ...]
) -> None:
    before = stack.ids(*LONG_RUNNING)
    for words in commands:
        stack.said(*words)
        assert stack.ids(*LONG_RUNNING) == before


def test_a_release_replaces_the_api_and_fails_no_request(stack: ChangedStack) -> None:
    before = stack.ids(*LONG_RUNNING)
    with checked_traffic(stack, "release", SECRETS[0]) as traffic:
        stack.release("# a release")
        stack.said(*UP)
    after = stack.ids(*LONG_RUNNING)

    assert traffic.failures == {}
    assert {name for name in LONG_RUNNING if after[name] != before[name]} == {"api", "edge"}


def test_a_changed_setting_reaches_the_api_and_fails_no_request(stack: ChangedStack) -> None:
    with checked_traffic(stack, "setting", SECRETS[0]) as traffic:
        stack.set(WORKERS="3", LOG_LEVEL="warning")
        stack.said(*UP)
        workers = stack.workers()
        stack.set()
        stack.said(*UP)

    assert traffic.failures == {}
    assert (len(workers), len(stack.workers())) == (3, 2)


def test_a_changed_secret_fails_no_request(stack: ChangedStack) -> None:
    with checked_traffic(stack, "secret", *SECRETS) as traffic:
        stack.set(BETTER_AUTH_SECRET=SECRETS[1])
        stack.said(*UP)
        assert stack.run("api", "cat", "/run/secrets-api/better_auth_secret") == SECRETS[1]
        stack.set()
        stack.said(*UP)

    assert traffic.failures == {}


def test_a_renewed_certificate_and_changed_limits_fail_no_request(stack: ChangedStack) -> None:
    certificate, nginx = (stack.data / "tls.crt").read_bytes(), stack.ids("nginx")
    with checked_traffic(stack, "certificate and limits", SECRETS[0], verify=False) as traffic:
        stack.compose("run", "--rm", "--no-deps", "prepare", "rm", "/volumes/nginx/tls.crt")
        stack.replace("limits.conf", CANARY_LIMITS)
        stack.said(*UP)
        canary = {"X-Canary": "a"}
        statuses = [stack.get("/livez", canary), stack.get("/livez", canary)]
        stack.replace("limits.conf", "")
        stack.said(*UP)

    assert traffic.failures == {}
    assert statuses == [200, 429]
    assert (stack.data / "tls.crt").read_bytes() != certificate
    assert stack.ids("nginx") == nginx


def test_replicas_are_added_and_stopped_without_a_failed_request(
    stack: ChangedStack,
) -> None:
    scale = ("docker", "compose", "up", "-d", "--wait", "--no-recreate")
    with checked_traffic(stack, "replicas", SECRETS[0]) as traffic:
        stack.said(*scale, "--scale", "api=2", "api")
        [first, _] = stack.compose("ps", "-q", "api").split()
        time.sleep(2)
        stack.docker("stop", "--time", "45", first)
        stack.docker("start", first)
        wait_until(lambda: stack.is_healthy(first))
        stack.said(*scale, "--scale", "api=1", "api")

    assert traffic.failures == {}


def test_replicas_of_dotenv_hold_for_both_commands_and_over_a_release(
    stack: ChangedStack,
) -> None:
    counts = []
    with checked_traffic(stack, "REPLICAS=2, release", SECRETS[0]) as traffic:
        stack.set(REPLICAS="2")
        for words in (UP, ("docker", "compose", "up", "-d", *LONG_RUNNING)):
            stack.said(*words)
            counts.append(len(stack.ids("api")["api"]))
        stack.release("# a release of two")
        stack.said(*UP)
        counts.append(len(stack.ids("api")["api"]))
        stack.set()
        stack.said(*UP)

    assert traffic.failures == {}
    assert counts == [2, 2, 2]


def test_mistakes_stop_nothing_and_name_their_reason(stack: ChangedStack) -> None:
    before = stack.ids(*LONG_RUNNING)
    with checked_traffic(stack, "mistakes", SECRETS[0]) as traffic:
        stack.set(DATABASE_URL="postgresql://postgres:wrong@db:5432/postgres?sslmode=disable")
        wrong_password = stack.fails(*UP)
        stack.set()
        stack.said(*UP)
        stack.release('raise RuntimeError("canary")')
        broken_release = stack.fails(*UP)
        stack.withdraw('raise RuntimeError("canary")')
        shutil.copy(stack.data / "tls.crt", stack.clone / "deploy" / "certs" / "tls.crt")
        running_api = stack.ids("api")
        wrong_certificate = stack.fails("docker", "compose", "up", "-d", *LONG_RUNNING)
        assert stack.ids("api") == running_api
        (stack.clone / "deploy" / "certs" / "tls.crt").unlink()
        stack.said(*UP)
    after = stack.ids(*LONG_RUNNING)

    assert traffic.failures == {}
    assert "password authentication failed" in wrong_password[-1]
    assert "canary" in broken_release[-1]
    assert wrong_certificate
    assert {name: after[name] for name in ("db", "nginx")} == {
        name: before[name] for name in ("db", "nginx")
    }


def test_a_second_make_up_waits_for_the_first(stack: ChangedStack) -> None:
    with running(*UP, cwd=stack.clone, settings=stack.settings) as first:
        wait_until((stack.data / "up.lock").exists)
        said = stack.said(*UP)[1]
        assert first.process.wait(BUILD_SECONDS) == 0

    assert "Waiting for another `make up` to end" in said
    assert not (stack.data / "up.lock").exists()


def test_a_missing_image_of_the_monitoring_is_named_and_the_rest_starts(
    stack: ChangedStack,
) -> None:
    path = stack.clone / "docker-compose.yml"
    text = path.read_text()
    path.write_text(re.sub(r"image: grafana/grafana:\S+", "image: localhost:1/missing:1", text))
    said = stack.said("make", "up", "SERVICES=api nginx edge grafana")[1]
    path.write_text(text)

    assert "Starting without grafana: its image localhost:1/missing:1 cannot be pulled" in said
    assert "Ready on " in said


def test_make_up_and_make_certificate_print_little(stack: ChangedStack) -> None:
    output, errors = stack.said(*UP)
    path = stack.make("certificate").strip()

    assert len((output + errors).splitlines()) <= 40
    assert (stack.clone / path).read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_busy_port_is_one_sentence_and_nothing_runs(stack: ChangedStack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = f"{other.getsockname()[1]}"
        own = {"COMPOSE_PROJECT_NAME": f"busy-{port}", "HTTPS_PORT": port}
        ports = {"HTTP_PORT": f"{free_port()}", "DATA_DIR": f"{stack.clone}/busy"}
        second = Stack({**stack.settings, **own, **ports}, stack.clone)
        with running(*UP, cwd=second.clone, settings=second.settings) as command:
            assert command.process.wait(BUILD_SECONDS) != 0
            errors = command.error_lines()
        left = second.owned("container")
        second.compose("down", "--volumes")

    assert errors[-1].startswith(f"Port {port} is busy")
    assert left == []


def test_an_older_compose_is_refused(stack: ChangedStack, tmp_path: Path) -> None:
    stand_in = tmp_path / "docker"
    stand_in.write_text('#!/bin/sh\n[ "$3" != --short ] || echo 2.20.3\n')
    stand_in.chmod(0o755)
    settings = {**stack.settings, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    with finished("deploy/up", cwd=stack.clone, settings=settings) as command:
        errors = command.error_lines()

    assert errors == [
        "Docker Compose 2.26 or newer is needed; this is 2.20.3: see https://docs.docker.com/compose/install"
    ]


def test_logs_of_the_database_hold_no_text_of_users(stack: ChangedStack) -> None:
    canary = "canary-in-a-title"
    with stack.user("canary") as user:
        user.event_hooks = {}
        user.post("/tasks", json={"title": canary, "description": canary})
        lock = "BEGIN; LOCK TABLE task; SELECT pg_sleep(4)"
        words = ("docker", "compose", "exec", "-T", "db", "psql", "-U", "postgres", "-c", lock)
        with running(*words, cwd=stack.clone, settings=stack.settings):
            time.sleep(1)
            timed_out = user.post("/tasks", json={"title": canary}).status_code
        stack.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        user.get("/tasks", params={"search": canary})
    lines = [line for name in LONG_RUNNING for part in stack.logs(name) for line in part]

    assert timed_out == 503
    assert any("canceling statement due to statement timeout" in line for line in lines)
    assert not any(canary in line for line in lines)
