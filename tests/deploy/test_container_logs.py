"""No container logs text of users, whatever fails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from tests.support.command import running
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SERVICES = ("db", "api", "nginx", "edge")
CANARY = "canary-in-a-title"
LOCK = "BEGIN; LOCK TABLE task; SELECT pg_sleep(60)"
HOLDERS = "FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
IS_LOCKED = f"SELECT count(*) > 0 {HOLDERS}"
UNLOCK = f"SELECT pg_cancel_backend(pid) {HOLDERS}"
CUT_CONNECTIONS = """
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END $$;
    CREATE TRIGGER cut BEFORE INSERT ON task EXECUTE FUNCTION cut()
"""
# The smallest file systems of the containers.
SHARED_MEMORY, NGINX_FILES = "/dev/shm", "/tmp"  # noqa: S108, inside a container
FILL = "head -c 1G /dev/zero >{}/filler || true"
ATTEMPTS = 50
BATCH_TASKS = 100


@contextmanager
def full(stack: Stack, service: str, folder: str) -> Iterator[None]:
    """Fill a file system of a container until the block ends."""
    stack.run(service, "sh", "-c", FILL.format(folder))
    try:
        yield
    finally:
        stack.run(service, "rm", f"{folder}/filler")


@contextmanager
def tasks_on(stack: Stack, folder: str) -> Iterator[None]:
    """Keep the table of tasks on another file system until the block ends."""
    place = f"{folder}/tasks"
    stack.compose("exec", "-T", "--user=postgres", "db", "mkdir", place)
    stack.psql(f"CREATE TABLESPACE small LOCATION '{place}'")
    stack.psql("ALTER TABLE task SET TABLESPACE small")
    try:
        yield
    finally:
        stack.psql("ALTER TABLE task SET TABLESPACE pg_default")
        stack.psql("DROP TABLESPACE small")
        stack.run("db", "rmdir", place)


def create(user: httpx.Client) -> int:
    """Send a task full of text; the status of the response."""
    task = {"title": CANARY, "description": CANARY * 200}
    return user.post("/tasks", json=task).status_code


def logs(stack: Stack) -> dict[str, str]:
    """What each service has logged."""
    return {
        name: "\n".join(line for part in stack.logs(name) for line in part) for name in SERVICES
    }


@pytest.fixture
def user(lifted: Stack) -> Iterator[httpx.Client]:
    """A user whose responses may be errors."""
    with lifted.user("canary") as client:
        client.event_hooks = {}
        yield client


def test_no_log_holds_text_of_users(lifted: Stack, user: httpx.Client) -> None:
    stored = create(user)
    words = ("docker", "compose", "exec", "-T", "db", "psql", "-U", "postgres", "-c", LOCK)
    with running(*words, cwd=lifted.clone, settings=lifted.settings):
        wait_until(lambda: lifted.psql(IS_LOCKED) == "t")
        locked = create(user)
        lifted.psql(UNLOCK)
    with tasks_on(lifted, SHARED_MEMORY), full(lifted, "db", SHARED_MEMORY):
        on_full_disk = {create(user) for _ in range(ATTEMPTS)}
    lifted.psql(CUT_CONNECTIONS)
    cut = create(user)
    lifted.psql("DROP FUNCTION cut CASCADE")
    found = user.get("/tasks", params={"search": CANARY}).status_code
    logged = logs(lifted)

    assert (stored, locked, found) == (201, 503, 200)
    assert 503 in on_full_disk
    assert cut in {503, 504}
    for failure in ("statement timeout", "No space left on device", "terminating connection"):
        assert failure in logged["db"]
    assert {name for name, text in logged.items() if CANARY in text} == set()


def test_a_full_disk_of_nginx_is_logged_without_text_of_users(
    lifted: Stack, user: httpx.Client
) -> None:
    tasks = [{"title": CANARY, "description": CANARY * 100}] * BATCH_TASKS
    operations = [{"op": "create", "task": task} for task in tasks]
    with full(lifted, "nginx", NGINX_FILES):
        refused = user.post("/tasks/batch", json={"operations": operations})
        listed = user.get("/tasks").status_code
    wait_until(lambda: "nginx_failed" in logs(lifted)["edge"])
    logged = logs(lifted)
    failures = [json.loads(line) for line in logged["edge"].splitlines() if "nginx_failed" in line]

    assert (refused.status_code, refused.json()["code"]) == (500, "internal")
    assert listed == 200
    assert "No space left on device" in failures[0]["message"]
    assert {name for name, text in logged.items() if CANARY in text} == set()
