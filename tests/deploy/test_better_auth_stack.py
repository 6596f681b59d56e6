"""The Compose stack with profile ``auth``: documented commands, isolation and outages."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.deploy.auth_stack import UP, auth_url, caller, composed_with_auth
from tests.support.auth.better_auth import Account
from tests.support.documents import block
from tests.support.http.operations import operations, user_ids_in
from tests.support.required_tools import require_tool
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

REMOTE = "postgres://a:b@db.example/tasks"
SAVE = block("observability/RUNBOOK.md", "(umask 077; docker compose exec -T auth")
CURL = block("api/auth/README.md", "AUTH=")
WORKERS = 2
# Bypasses nginx, whose kept-alive connection reaches one worker only.
ASK = """
from urllib.request import Request, urlopen
for _ in range(20):
    urlopen(Request("http://127.0.0.1:8000%s", headers={"Authorization": "Bearer %s"}))
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with profile ``auth`` whose keys rotate every two seconds."""
    with composed_with_auth(JWT_ROTATION_SECONDS="2") as running:
        yield running


def answered(stack: Stack, token: str, path: str) -> int:
    """The status of a request with this token."""
    with caller(stack, token) as client:
        return client.get(path).status_code


def count(stack: Stack, event: str) -> int:
    """How often the API has logged this event."""
    return sum(f'"{event}"' in line for line in stack.logs("api")[0])


def test_the_commands_sign_up_and_make_a_task(stack: Stack, tmp_path: Path) -> None:
    for tool in ("bash", "curl", "jq"):
        require_tool(tool)
    script = CURL.replace("http://localhost:3000", auth_url(stack)).replace(".data/", "$DATA/")
    script = script.replace("https://localhost:8443", stack.base_url)
    script = script.replace("curl ", "curl -sS --fail-with-body ").replace("\ncurl", "\necho; curl")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"DATA={stack.data}\n{script}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    signed_up, made, listed = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert made["user_id"] == signed_up["user"]["id"]
    assert listed == [made]


def test_two_users_can_use_only_their_own_tasks(stack: Stack) -> None:
    with (
        Account(auth_url(stack)) as ann,
        Account(auth_url(stack)) as bob,
        caller(stack, ann.token()) as anns,
        caller(stack, bob.token()) as bobs,
    ):
        own, foreign = f"/api/{ann.id}/tasks", f"/api/{bob.id}/tasks"
        for operation in operations():
            time.sleep(0.2)  # nginx allows a token 20 requests per second, after the first 40
            task = anns.post(own, json={"title": "a"}).json()["id"]
            if operation.name in {"restore_task", "erase_task"}:
                anns.delete(f"{own}/{task}")
            done = operation.send(anns, ann.id, task)
            assert (done.status_code, user_ids_in(done) <= {ann.id}) == (operation.status, True)
            assert operation.send(bobs, ann.id, task).status_code == 403
            assert operation.send(anns, bob.id, task).status_code == 403

        assert bobs.post(foreign, json={"title": "b"}).status_code == 201
        assert anns.get(own).json()
        ann.delete_account()
        assert stack.psql("SELECT DISTINCT user_id FROM task").split().count(ann.id) == 0
        assert len(bobs.get(foreign).json()) == 1


def test_the_container_runs_without_privileges(stack: Stack) -> None:
    text = stack.run("auth", "cat", "/proc/1/status")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    host = stack.inspect("auth")["HostConfig"]

    assert status["Uid"].split() == ["1000"] * 4
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0
    assert [b["HostIp"] for bound in host["PortBindings"].values() for b in bound] == ["127.0.0.1"]


def test_the_secrets_of_service_and_api_are_separate(stack: Stack) -> None:
    stack.said("bash", "-euc", SAVE)
    file = stack.clone / "better_auth_secret"
    secret, mode = file.read_text().strip(), file.stat().st_mode
    file.unlink()
    apis = stack.run("api", "cat", "/run/secrets-api/better_auth_secret").strip()

    assert len(secret) >= 32
    assert mode & 0o077 == 0
    assert secret != apis
    assert secret not in str(stack.inspect("auth"))


def test_key_rotation_and_an_outage_of_the_service(stack: Stack) -> None:
    with Account(auth_url(stack)) as ann:
        tokens = [ann.token()]
        Stack({**stack.settings, "JWT_ALGORITHM": "ES256"}).compose(*UP)
        tokens.append(ann.token())
        path, before = f"/api/{ann.id}/tasks", count(stack, "jwks_fetched")

    def every_worker_knows() -> bool:
        stack.python(ASK % (path, tokens[1]))
        return count(stack, "jwks_fetched") - before >= WORKERS

    wait_until(every_worker_knows)
    assert [jwt.get_unverified_header(each)["alg"] for each in tokens] == ["EdDSA", "ES256"]
    assert [answered(stack, told, path) for told in tokens] == [200, 200]
    stack.compose("stop", "auth")
    assert stack.inspect("auth")["State"]["ExitCode"] == 0
    assert [answered(stack, told, path) for told in tokens * 3] == [200] * 6

    before = count(stack, "jwks_fetch_failed")
    stack.compose("restart", "api")  # which forgets the keys
    stack.compose("up", "--detach", "--wait", "api")
    assert stack.status("/readyz") == 200
    assert count(stack, "jwks_fetch_failed") - before <= WORKERS
    assert answered(stack, tokens[0], path) == 503
    with stack.user("carl") as carl:
        assert carl.get("/tasks").status_code == 200


def test_make_down_removes_the_service(stack: Stack) -> None:
    name = stack.settings["COMPOSE_PROJECT_NAME"]
    mine = ("--quiet", "--filter", f"label=com.docker.compose.project={name}")
    now = Stack({**stack.settings, "DATABASE_URL": REMOTE})  # so db has an inactive profile too
    assert len(stack.docker("ps", *mine).split()) >= 3

    now.make("down")

    assert stack.docker("ps", "--all", *mine) == stack.docker("network", "ls", *mine) == ""
    assert stack.docker("volume", "ls", *mine)
