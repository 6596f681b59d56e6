"""The measured operations, and the users and tasks that they need.

Users who list, read and toggle hold 20 tasks each; one holds 1,000.
"""

import json
from collections.abc import Iterable
from itertools import cycle as endless
from typing import Any

from api.tasks import listing
from tests.bench import sync_workload
from tests.bench.operation import Make, Workload, fixed, named, token_mix
from tests.bench.sync_workload import BATCHERS, RESTORERS, SAME_LIST, Clock, clocks_of
from tests.bench.tokens import Tokens
from tests.bench.wrk import Request

MANY = "many"
READERS, TOGGLERS, MAKERS = map(named, ("reader", "toggler", "maker"))
# The number of tasks of each user.
TASKS = {
    **dict.fromkeys([*READERS, *TOGGLERS], 20),
    **dict.fromkeys([*BATCHERS, *RESTORERS], sync_workload.TASKS),
    MANY: 1000,
}
BODY = json.dumps({"title": "Buy milk", "description": "Two bottles, and the newspaper"})
OWNERS = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT name, name, name || '@example.com', false FROM unnest(%(users)s) name;
INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)
SELECT owner, 'task ' || md5(n::text), 'words ' || md5((-n)::text), 'medium', '{}', n
FROM unnest(%(owners)s, %(tasks)s) AS owners (owner, tasks), generate_series(1, tasks) n;
INSERT INTO task_clock (user_id, at, purged, live)
SELECT user_id, max(updated_at), 'epoch', count(*) FROM task GROUP BY user_id
ON CONFLICT DO NOTHING;
ANALYZE task, task_clock;
"""
LIST, LONG_LIST, ONE, CREATE, TOGGLE, BAD_TOKEN = (
    "list of 20",
    "list of 1,000",
    "one task",
    "create",
    "toggle",
    "401 on a bad token",
)
EDDSA = {name: f"{name}, EdDSA" for name in (LIST, ONE)}
PAGE, FIRST_CHANGES = "page of 20", "first page of changes"
PAGE_USERS = 10_000
# The peers that verify EdDSA tokens too; plain FastAPI + SQLModel knows HS256 alone.
BOTH_ALGORITHMS = frozenset({"tasks-api", "litestar", "floor"})


def operations(cursor: Any, tokens: Tokens) -> Workload:
    """The operations, on users that this adds to the database."""
    values = {"users": [*TASKS, *MAKERS], "owners": [*TASKS], "tasks": [*TASKS.values()]}
    cursor.execute(OWNERS, values)
    tasks = _tasks_of(TASKS, cursor)
    one_task = _on_a_task(tasks, "GET")
    hs256 = {
        LIST: token_mix(READERS, tokens.hs256, _list),
        LONG_LIST: fixed(Request("GET", f"/api/{MANY}/tasks", tokens.hs256(MANY))),
        ONE: token_mix(READERS, tokens.hs256, one_task),
        CREATE: token_mix(MAKERS, tokens.hs256, _create),
        TOGGLE: token_mix(TOGGLERS, tokens.hs256, _on_a_task(tasks, "PATCH", "/complete")),
        BAD_TOKEN: fixed(
            *(Request("GET", f"/api/{u}/tasks", tokens.hs256(u, "another" * 8)) for u in READERS),
            status="401",
        ),
    }
    eddsa = {
        EDDSA[LIST]: token_mix(READERS, tokens.eddsa, _list, targets=BOTH_ALGORITHMS),
        EDDSA[ONE]: token_mix(READERS, tokens.eddsa, one_task, targets=BOTH_ALGORITHMS),
    }
    clocks = clocks_of(READERS, cursor)
    return hs256 | eddsa | sync_workload.operations(tasks, clocks, tokens)


def of_many_users(cursor: Any, tokens: Tokens, users: int) -> Workload:
    """Reads of pages and tasks by ten thousand users, if there are so many."""
    number = min(users, PAGE_USERS)
    owners = [f"user-{n * users // number}" for n in range(number)]
    clocks = clocks_of(owners, cursor)
    cursor.execute(
        "SELECT user_id, min(id) FROM task WHERE user_id = ANY(%s) GROUP BY user_id", [owners]
    )
    reads = [_reads(user, task, tokens.hs256(user), clocks[user]) for user, task in cursor]
    page, one, unchanged, first_changes = zip(*reads, strict=True)
    return {
        PAGE: fixed(*page),
        ONE: fixed(*one),
        SAME_LIST: fixed(*unchanged, status="304"),
        FIRST_CHANGES: fixed(*first_changes),
    }


def _reads(user: str, task: int, token: str, clock: Clock) -> tuple[Request, ...]:
    tasks = f"/api/{user}/tasks"
    return (
        Request("GET", f"{tasks}?limit=20", token),
        Request("GET", f"{tasks}/{task}", token),
        Request("GET", f"{tasks}?limit=20", token, entity_tag=clock.tag(listing.SHAPE)),
        Request("GET", f"{tasks}/changes?limit=20", token),
    )


def _list(user: str, token: str) -> Request:
    return Request("GET", f"/api/{user}/tasks", token)


def _create(user: str, token: str) -> Request:
    return Request("POST", f"/api/{user}/tasks", token, BODY)


def _on_a_task(tasks: dict[str, list[int]], method: str, suffix: str = "") -> Make:
    """Requests on the user's tasks in turn."""
    turns = {user: endless(own) for user, own in tasks.items()}

    def make(user: str, token: str) -> Request:
        return Request(method, f"/api/{user}/tasks/{next(turns[user])}{suffix}", token)

    return make


def _tasks_of(users: Iterable[str], cursor: Any) -> dict[str, list[int]]:
    """The ids of each user's tasks."""
    cursor.execute(
        "SELECT user_id, array_agg(id) FROM task WHERE user_id = ANY(%s) GROUP BY user_id",
        [[*users]],
    )
    return dict(cursor.fetchall())
