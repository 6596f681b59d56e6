"""The Compose stack from its user's view: published ports, operations, tokens, ids."""

from typing import Any

import pytest

from tests.deploy.local_run import pasted
from tests.support.command import finished
from tests.support.observability.metrics import total
from tests.support.required_tools import require_clone
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

pytestmark = pytest.mark.slow

INSIDE = ("/metrics", "/stub_status", "/nginx_status")


def test_only_nginx_is_published_and_on_loopback(stack: Stack) -> None:
    published = {name: stack.inspect(name)["NetworkSettings"]["Ports"] for name in ("api", "db")}
    bound = stack.inspect("nginx")["NetworkSettings"]["Ports"]

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


def test_a_token_of_make_token_gives_access_to_its_user_only(stack: Stack) -> None:
    with stack.user("dave") as dave:
        own = dave.get("/tasks")
        other = dave.get(f"{stack.base_url}/api/carol/tasks")

    assert own.status_code == 200
    assert (other.status_code, other.json()["code"]) == (403, "user_mismatch")


def request_lines(stack: Stack, request_id: str) -> list[dict[str, Any]]:
    """The API's line for a request; a worker's first one also logs the new connection."""
    return [line for line in stack.entries("api", request_id) if line["event"] == "request"]


def test_nginx_and_api_log_the_same_request_id(stack: Stack) -> None:
    with stack.user("carol") as carol:
        refused = carol.get("/tasks/7000000", headers={"X-Request-ID": "a-request.of_mine"})
    stack.wait_for_entry("nginx", "a-request.of_mine")
    [edge] = stack.entries("nginx", "a-request.of_mine")
    wait_until(lambda: bool(request_lines(stack, "a-request.of_mine")))
    [line] = request_lines(stack, "a-request.of_mine")

    assert refused.json()["request_id"] == "a-request.of_mine"
    assert (edge["status"], edge["path"]) == ("404", "/api/carol/tasks/7000000")
    assert (line["status"], line["user_id"]) == (404, "carol")


@pytest.mark.parametrize("path", INSIDE)
def test_metrics_and_status_are_not_public(stack: Stack, path: str) -> None:
    assert stack.status(path) == 404


def test_the_time_between_nginx_and_a_worker_is_measured(stack: Stack) -> None:
    with stack.user("carol") as carol:
        carol.get("/tasks")
    told = stack.metrics()
    waited = total(told, "tasks_api_queue_seconds_count")

    # The clocks of both containers are the same, whatever the load is.
    assert waited > 0
    assert total(told, "tasks_api_queue_seconds_sum") / waited < TIMEOUT_SECONDS


@pytest.mark.parametrize(("coding", "expected"), [("gzip", "gzip"), ("identity", None)])
def test_a_long_answer_is_compressed_if_the_client_accepts_gzip(
    stack: Stack, coding: str, expected: str | None
) -> None:
    with stack.user("carol") as carol:
        for _ in range(10):
            carol.post("/tasks", json={"title": "x" * 100})
        listed = carol.get("/tasks", headers={"Accept-Encoding": coding})

    assert listed.headers.get("content-encoding") == expected
    assert "Accept-Encoding" in listed.headers["vary"]


def test_a_tag_comes_through_nginx_as_it_must_be_sent_back(stack: Stack) -> None:
    with stack.user("dora") as dora:
        dora.headers["Accept-Encoding"] = "gzip"
        made = dora.post("/tasks", json={"title": "long", "description": "x" * 5000})
        path = f"/tasks/{made.json()['id']}"
        for answer in (made, dora.get(path), dora.patch(f"{path}/complete")):
            tag = answer.headers["etag"]
            assert tag == f'"{answer.json()["updated_at"]}"'
        changed = dora.put(path, json={"priority": "high"}, headers={"If-Match": tag})
        again = dora.put(path, json={"priority": "low"}, headers={"If-Match": tag})
        listed = dora.get("/tasks")
        known = dora.get("/tasks", headers={"If-None-Match": listed.headers["etag"]})

    assert (changed.status_code, again.status_code) == (200, 412)
    assert again.headers["etag"] == changed.headers["etag"]
    assert listed.headers["content-encoding"] == "gzip"
    assert listed.headers["etag"].startswith("W/")
    assert (known.status_code, known.content) == (304, b"")


def test_the_api_knows_its_git_revision(stack: Stack) -> None:
    require_clone()
    with finished("git", "rev-parse", "--short", "HEAD") as git:
        revision = git.output.strip()

    assert stack.python("from api.config.settings import load; print(load().revision)") == revision


def test_api_and_nginx_stop_within_their_grace_period(stack: Stack) -> None:
    for service in ("api", "nginx"):
        stack.docker("stop", "--time", "25", stack.container(service))  # killed then: 137

        assert stack.inspect(service)["State"]["ExitCode"] == 0
    stack.up()
