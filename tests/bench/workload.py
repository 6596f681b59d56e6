"""What is asked: by users who own 20 and 1,000 tasks among all the others'."""

import time
from typing import Any

from tests.bench.wrk import Request
from tests.support.http import client

FEW, MANY, MAKER, TOGGLER = "few", "many", "maker", "toggler"
BODY = '{"title": "Buy milk", "description": "Two bottles, and the newspaper"}'
OWNERS = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT name, name, name || '@example.com', false
FROM unnest(ARRAY['few', 'many', 'maker', 'toggler']) name;
INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)
SELECT owner, 'task ' || md5(n::text), 'words ' || md5((-n)::text), 'medium', '{}', n
FROM (VALUES ('few', 20), ('many', 1000), ('toggler', 1000)) AS owners (owner, own),
     generate_series(1, own) n;
ANALYZE task;
"""
LIST, LONG_LIST, ONE, CREATE, TOGGLE, BAD_TOKEN = (
    "list of 20",
    "list of 1,000",
    "one task",
    "create",
    "toggle",
    "401 on a bad token",
)
PAGE = "page of 20"
USERS = 10_000
DAY = 24 * 3600

Cycles = dict[str, list[Request]]


def six_operations(cursor: Any) -> Cycles:
    """The requests of each operation."""
    cursor.execute(OWNERS)
    few, many, maker, toggler = (f"/api/{name}/tasks" for name in (FEW, MANY, MAKER, TOGGLER))
    mine, theirs = token(MANY), token(TOGGLER)
    return {
        LIST: [Request("GET", few, token(FEW))],
        LONG_LIST: [Request("GET", many, mine)],
        ONE: [Request("GET", f"{many}/{task}", mine) for task in _tasks_of(MANY, cursor)],
        CREATE: [Request("POST", maker, token(MAKER), BODY)],
        TOGGLE: [
            Request("PATCH", f"{toggler}/{task}/complete", theirs)
            for task in _tasks_of(TOGGLER, cursor)
        ],
        BAD_TOKEN: [Request("GET", few, token(FEW, secret="another secret" * 4))],
    }


def of_many_users(cursor: Any, users: int) -> Cycles:
    """A page of 20, and one task, of each of ten thousand users, if there are so many."""
    number = min(users, USERS)
    owners = [f"user-{n * users // number}" for n in range(number)]
    cursor.execute(
        "SELECT user_id, min(id) FROM task WHERE user_id = ANY(%s) GROUP BY user_id", [owners]
    )
    own = [(f"/api/{owner}/tasks", task, token(owner)) for owner, task in cursor.fetchall()]
    return {
        PAGE: [Request("GET", f"{tasks}?limit=20", bearer) for tasks, _, bearer in own],
        ONE: [Request("GET", f"{tasks}/{task}", bearer) for tasks, task, bearer in own],
    }


def token(subject: str, **options: Any) -> str:
    """A token that outlives the run."""
    return client.token(subject, exp=int(time.time()) + DAY, **options)


def _tasks_of(owner: str, cursor: Any) -> list[int]:
    cursor.execute("SELECT id FROM task WHERE user_id = %s", [owner])
    return [row[0] for row in cursor.fetchall()]
