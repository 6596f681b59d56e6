"""The Compose stack as its user meets it: what starts, how it is used, and what it may do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.edge import answer, connected
from tests.support.local_run import pasted
from tests.support.stack import Stack, composed, need_engine, settings_of

pytestmark = pytest.mark.slow

OURS = ["api", "nginx"]
LINE_BYTES = 4000


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack that was told nothing but its ports."""
    with composed() as running:
        yield running


def configuration(tmp_path: Path, **settings: str) -> dict[str, Any]:
    """What Compose makes of the file."""
    need_engine()
    project = Stack(settings_of(tmp_path) | settings)
    services = {*project.compose("config", "--services").split()}
    found: dict[str, Any] = json.loads(project.compose("config", "--format", "json"))
    assert services == {*found["services"]}
    return found


def test_a_database_starts_when_none_is_named(tmp_path: Path) -> None:
    services = configuration(tmp_path)["services"]

    assert {"prepare", "db", "migrate", "api", "nginx"} <= {*services}


def test_no_database_starts_when_one_is_named(tmp_path: Path) -> None:
    services = configuration(tmp_path, DATABASE_URL="postgres://a:b@db.example/tasks")["services"]

    assert "db" not in services
    assert {"prepare", "migrate", "api", "nginx"} <= {*services}


def test_only_nginx_is_published_and_on_loopback(tmp_path: Path, stack: Stack) -> None:
    services = configuration(tmp_path)["services"]
    published = {name: stack.inspect(name)["NetworkSettings"]["Ports"] for name in ("api", "db")}
    bound = stack.inspect("nginx")["NetworkSettings"]["Ports"]

    ports = {
        name: [p["host_ip"] for p in found.get("ports", [])] for name, found in services.items()
    }
    assert {"127.0.0.1"} == {*ports.pop("nginx")}
    assert {address for found in ports.values() for address in found} <= {"127.0.0.1"}
    assert not any(ports[name] for name in ("prepare", "db", "migrate", "api"))
    assert not any(binding for ports in published.values() for binding in ports.values())
    assert {b["HostIp"] for bindings in bound.values() for b in bindings or []} == {"127.0.0.1"}


def test_every_operation_works_over_verified_tls(stack: Stack) -> None:
    with stack.user("carol") as carol:
        created = carol.post("/tasks", json={"title": "a task"})
        path = f"/tasks/{created.json()['id']}"
        listed = carol.get("/tasks")
        changed = carol.put(path, json={"title": "changed"})
        patched = carol.patch(path, json={"priority": "high"})
        completed = carol.patch(f"{path}/complete")
        read = carol.get(path)
        deleted = carol.delete(path)
        gone = carol.get(path)

    assert created.status_code == 201
    assert listed.json() == [created.json()]
    assert (changed.status_code, changed.json()["title"]) == (200, "changed")
    assert (patched.status_code, patched.json()["priority"]) == (200, "high")
    assert (completed.status_code, completed.json()["completed"]) == (200, True)
    assert (deleted.status_code, deleted.json()) == (200, read.json())
    assert (gone.status_code, gone.json()["code"]) == (404, "task_not_found")


def test_a_body_near_the_limit_passes_a_read_only_edge(stack: Stack) -> None:
    with stack.user("carol") as carol:
        body = b'{"title": "padded"' + b" " * 60_000 + b"}"
        made = carol.post("/tasks", content=body, headers={"Content-Type": "application/json"})

    assert made.status_code == 201


def test_the_printed_curl_makes_a_task(stack: Stack) -> None:
    [line] = [line for line in stack.up().splitlines() if line.startswith("curl ")]

    task = pasted(line)

    assert (task["user_id"], task["title"]) == ("alice", "Buy milk")


def test_a_token_of_make_token_is_its_owners_alone(stack: Stack) -> None:
    with stack.user("dave") as dave:
        own = dave.get("/tasks")
        other = dave.get(f"{stack.base_url}/api/carol/tasks")

    assert own.status_code == 200
    assert (other.status_code, other.json()["code"]) == (403, "user_mismatch")


@pytest.mark.parametrize("service", OURS)
def test_a_container_may_do_nothing_but_serve(stack: Stack, service: str) -> None:
    text = stack.run(service, "cat", "/proc/1/status")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    host = stack.inspect(service)["HostConfig"]

    assert "0" not in status["Uid"].split()
    assert "0" not in status["Gid"].split()
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0


def test_the_database_does_not_run_as_root(stack: Stack) -> None:
    status = stack.run("db", "cat", "/proc/1/status")

    assert "Uid:\t999\t999\t999\t999" in status


def test_no_secret_stands_where_the_engine_shows_it(stack: Stack) -> None:
    secret = stack.run("api", "cat", "/run/secrets-api/better_auth_secret").strip()
    url = stack.run("api", "cat", "/run/secrets-api/database_url").strip()
    password = url.split("@")[0].rsplit(":", 1)[1]
    shown = [str(stack.inspect(name)) for name in ("prepare", "db", "migrate", "api", "nginx")]
    shown.append(stack.docker("history", "--no-trunc", "tasks-api"))
    shown.append(stack.docker("image", "inspect", "tasks-api"))

    assert len(secret) >= 32
    assert len(password) >= 32
    assert not any(value in text for value in (secret, password) for text in shown)


def test_every_line_that_is_logged_is_a_json_object(stack: Stack) -> None:
    with connected(stack) as link:
        assert answer(link, b'\x16\x03 "hostile\r\n\r\n').status == 400
    stack.status("/" + "%22%0a" * 1000)
    api, leftovers = stack.logs("api")
    edge, _ = stack.logs("nginx")

    assert leftovers == []
    assert {type(json.loads(line)) for line in api + edge} == {dict}
    assert max(len(line.encode()) for line in api) < LINE_BYTES
    assert {json.loads(line)["event"] for line in edge} == {"edge"}


def test_one_request_has_one_id_everywhere(stack: Stack) -> None:
    with stack.user("carol") as carol:
        refused = carol.get("/tasks/7000000", headers={"X-Request-ID": "a-request.of_mine"})
    [edge] = stack.entries("nginx", "a-request.of_mine")
    [line] = stack.entries("api", "a-request.of_mine")

    assert refused.json()["request_id"] == "a-request.of_mine"
    assert (edge["status"], edge["path"]) == ("404", "/api/carol/tasks/7000000")
    assert (line["status"], line["user_id"]) == (404, "carol")
