"""Changes to a running stack under load: releases, settings, secrets, replicas, mistakes."""

import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.changed_stack import (
    CANARY_LIMITS,
    FROZEN_SECONDS,
    LONG_RUNNING,
    PLAIN,
    SECRETS,
    UP,
    WRONG_URL,
    ChangedStack,
    changed_stack,
)
from tests.deploy.checked_traffic import checked_traffic
from tests.support.command import finished, free_port, running
from tests.support.stack.compose_project import BUILD_SECONDS
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

DEAD_PROCESS = f"{2**22}"  # above the greatest process id
BROKEN = 'raise RuntimeError("canary")'
REVISION = "api/migrations/versions/9999_colour.py"
COLOUR = """
from alembic import op

revision, down_revision, contract = "9999", "{newest}", False


def upgrade() -> None:
    op.execute("ALTER TABLE task ADD COLUMN colour text")
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[ChangedStack]:
    """A stack of this module."""
    with changed_stack() as started:
        yield started


def test_without_a_change_nothing_restarts_and_a_second_make_up_waits(
    stack: ChangedStack,
) -> None:
    before = stack.containers(*LONG_RUNNING)
    stack.lock.symlink_to(DEAD_PROCESS)
    with running(*UP, cwd=stack.clone, settings=stack.settings) as first:
        wait_until(lambda: stack.lock.is_symlink() and f"{stack.lock.readlink()}" != DEAD_PROCESS)
        said = stack.said(*UP)[1]
        assert first.process.wait(BUILD_SECONDS) == 0
    for words in (PLAIN, UP):
        assert stack.containers(*LONG_RUNNING) == before
        stack.said(*words)

    assert stack.containers(*LONG_RUNNING) == before
    assert "Waiting for another `make up` to end" in said
    assert not stack.lock.is_symlink()


def test_an_interrupted_make_up_undoes_what_it_did(stack: ChangedStack) -> None:
    before, secret = stack.containers("db", "api", "nginx"), stack.secret("better_auth_secret")
    stack.release("# an interrupted release")
    stack.set(BETTER_AUTH_SECRET=SECRETS[1])
    with (
        checked_traffic(stack, "interruption", *SECRETS) as traffic,
        running(*UP, cwd=stack.clone, settings=stack.settings) as command,
    ):
        wait_until(lambda: len(stack.replicas()) == 2)
        changed = stack.secret("better_auth_secret")
        assert command.stop(signal.SIGINT, group=True) != 0
        wait_until(lambda: not stack.lock.is_symlink())
    stack.withdraw("# an interrupted release")
    stack.set()

    assert traffic.failures == {}
    assert (secret, changed) == (SECRETS[0], SECRETS[1])
    assert stack.secret("better_auth_secret") == secret
    assert stack.containers("db", "api", "nginx") == before
    assert stack.inspect("api")["Image"] == stack.image_id()


def test_a_release_with_changed_settings_and_secret_replaces_the_api_and_fails_no_request(
    stack: ChangedStack,
) -> None:
    before = stack.containers(*LONG_RUNNING)
    with checked_traffic(stack, "release, settings, secret", *SECRETS) as traffic:
        stack.release("# a release")
        stack.set(WORKERS="3", LOG_LEVEL="warning", BETTER_AUTH_SECRET=SECRETS[1])
        stack.said(*UP)
    after = stack.containers(*LONG_RUNNING)

    assert traffic.failures == {}
    assert {name for name in LONG_RUNNING if after[name] != before[name]} == {"api", "edge"}
    assert len(stack.workers()) == 3
    assert stack.secret("better_auth_secret") == SECRETS[1]


def test_the_release_before_a_new_revision_can_be_returned_to(stack: ChangedStack) -> None:
    versions = (stack.clone / REVISION).parent
    newest = max(path.name[:4] for path in versions.glob("[0-9]*.py"))
    secret = stack.secret("better_auth_secret")
    with checked_traffic(stack, "a revision, and back", secret) as traffic:
        (stack.clone / REVISION).write_text(COLOUR.format(newest=newest))
        stack.said(*UP)
        migrated = stack.containers("api")
        (stack.clone / REVISION).unlink()
        stack.said(*UP)

    assert traffic.failures == {}
    assert stack.containers("api") != migrated
    assert not stack.run("api", "sh", "-c", f"ls {REVISION} || true")


def test_replicas_of_dotenv_hold_for_both_commands_and_over_a_release(
    stack: ChangedStack,
) -> None:
    counts = []
    with checked_traffic(stack, "REPLICAS=2, release of two", *SECRETS) as traffic:
        stack.set(REPLICAS="2")
        for words in (UP, PLAIN):
            stack.said(*words)
            counts.append(len(stack.replicas()))
        stack.release("# a release of two")
        stack.said(*UP)
        counts.append(len(stack.replicas()))

    assert traffic.failures == {}
    assert counts == [2, 2, 2]


def test_replicas_are_added_stopped_frozen_and_removed_without_a_failed_request(
    stack: ChangedStack,
) -> None:
    with checked_traffic(stack, "replicas", SECRETS[0]) as traffic:
        stack.scale(1)
        stack.scale(2)
        first, second = stack.replicas()
        time.sleep(2)  # nginx knows both
        stack.docker("stop", "--time", "45", first)
        stack.docker("start", first)
        wait_until(lambda: stack.is_healthy(first))
        stack.docker("pause", second)
        time.sleep(FROZEN_SECONDS)
        stack.docker("unpause", second)
        stack.scale(1)
    stack.set()

    assert traffic.failures == {}


def test_a_renewed_certificate_and_changed_limits_fail_no_request(stack: ChangedStack) -> None:
    certificate, nginx = (stack.data / "tls.crt").read_bytes(), stack.containers("nginx")
    with checked_traffic(stack, "certificate and limits", SECRETS[0], verify=False) as traffic:
        stack.renew_certificate()
        stack.replace("limits.conf", CANARY_LIMITS)
        stack.said(*UP)
        canary = {"X-Canary": "a"}
        statuses = [stack.get("/livez", canary), stack.get("/livez", canary)]
        stack.replace("limits.conf", "")
        stack.said(*UP)

    assert traffic.failures == {}
    assert statuses == [200, 429]
    assert (stack.data / "tls.crt").read_bytes() != certificate
    assert stack.containers("nginx") == nginx


def test_mistakes_stop_nothing_and_name_their_reason(stack: ChangedStack) -> None:
    before = stack.containers("db", "api", "nginx")
    url, reasons = stack.secret("database_url"), {}
    with checked_traffic(stack, "mistakes", SECRETS[0]) as traffic:
        for setting, value in {"DATABASE_URL": WRONG_URL, "REPLICAS": "50"}.items():
            stack.set(**{setting: value})
            reasons[setting] = stack.fails(*UP)[-1]
            assert stack.secret("database_url") == url
        stack.set()
        stack.replace("limits.conf", "limit_requests all;")
        reasons["limits"] = stack.fails(*UP)[-1]
        stack.replace("limits.conf", "")
        stack.release(BROKEN)
        reasons["release"] = stack.fails(*UP)[-1]
        stack.withdraw(BROKEN)
        shutil.copy(stack.data / "tls.crt", stack.clone / "deploy" / "certs" / "tls.crt")
        stack.fails(*PLAIN)
        (stack.clone / "deploy" / "certs" / "tls.crt").unlink()
        after = stack.containers("db", "api", "nginx")

    assert traffic.failures == {}
    assert after == before
    assert "password authentication failed" in reasons["DATABASE_URL"]
    assert "The API may open 1000 (WORKERS 2 x POOL_SIZE 10 x INSTANCES 50)" in reasons["REPLICAS"]
    assert 'unknown directive "limit_requests"' in reasons["limits"]
    assert "canary" in reasons["release"]
    stack.said(*UP)


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
    assert len(said.splitlines()) <= 40


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
        second.compose("down", "--volumes", "--rmi", "local")

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
