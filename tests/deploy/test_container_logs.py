"""No container logs text of users, whatever fails."""

import pytest

from tests.support.command import running
from tests.support.stack.compose_stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SERVICES = ("db", "api", "nginx", "edge")
CANARY = "canary-in-a-title"
LOCK = "BEGIN; LOCK TABLE task; SELECT pg_sleep(5)"
IS_LOCKED = "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
FAILURE = """
    CREATE OR REPLACE FUNCTION failure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN {}; END $$;
    CREATE OR REPLACE TRIGGER failure BEFORE INSERT ON task EXECUTE FUNCTION failure()
"""
FULL_DISK = FAILURE.format("RAISE 'no space left on device' USING ERRCODE = '53100'")
CUT_CONNECTION = FAILURE.format(
    "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1)"
)


def test_no_log_holds_text_of_users(lifted: Stack) -> None:
    with lifted.user("canary") as user:
        user.event_hooks = {}

        def create() -> int:
            task = {"title": CANARY, "description": CANARY}
            return user.post("/tasks", json=task).status_code

        statuses = [create()]
        words = ("docker", "compose", "exec", "-T", "db", "psql", "-U", "postgres", "-c", LOCK)
        with running(*words, cwd=lifted.clone, settings=lifted.settings):
            wait_until(lambda: lifted.psql(IS_LOCKED) == "t")
            statuses.append(create())
        for failure in (FULL_DISK, CUT_CONNECTION):
            lifted.psql(failure)
            statuses.append(create())
        lifted.psql("DROP FUNCTION failure CASCADE")
        statuses.append(user.get("/tasks", params={"search": CANARY}).status_code)
    logs = {
        name: "\n".join(line for part in lifted.logs(name) for line in part) for name in SERVICES
    }

    assert statuses[:3] == [201, 503, 503]
    assert statuses[3] in {503, 504}
    assert statuses[4] == 200
    for failure in ("statement timeout", "no space left", "terminating connection"):
        assert failure in logs["db"]
    assert {name for name, text in logs.items() if CANARY in text} == set()
