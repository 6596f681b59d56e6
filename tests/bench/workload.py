"""The measured operations, and the users and tasks that they need.

Users hold 20 tasks each; one holds 1,000. Requests come from a mix of tokens as in production:
200 users at a time, each with a token that is used 20 times and then replaced.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle as endless
from typing import Any

from tests.bench.tokens import Sign, Tokens
from tests.bench.wrk import Cycle, Request

USERS, USES = 200, 20
# New tokens for all users, so often in a run; together enough for 64,000 requests.
GENERATIONS = 16
MANY = "many"
READERS, TOGGLERS, MAKERS = (
    [f"{kind}-{n}" for n in range(USERS)] for kind in ("reader", "toggler", "maker")
)
BODY = json.dumps({"title": "Buy milk", "description": "Two bottles, and the newspaper"})
OWNERS = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT name, name, name || '@example.com', false FROM unnest(%(users)s) name;
INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)
SELECT owner, 'task ' || md5(n::text), 'words ' || md5((-n)::text), 'medium', '{}', n
FROM unnest(%(owners)s) owner,
     LATERAL generate_series(1, CASE WHEN owner = %(many)s THEN 1000 ELSE 20 END) n;
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
PAGE = "page of 20"
PAGE_USERS = 10_000
# The peers that verify EdDSA tokens too; the original plan asks for HS256 alone.
BOTH_ALGORITHMS = frozenset({"tasks-api", "litestar", "floor"})


@dataclass(frozen=True)
class Operation:
    """``cycle`` makes the requests of one run; ``status`` is the one expected of each response.

    ``targets`` are the servers that have the operation; empty means all.
    """

    cycle: Callable[[], Cycle]
    status: str = "2xx"
    targets: frozenset[str] = frozenset()


Workload = dict[str, Operation]


def operations(cursor: Any, tokens: Tokens) -> Workload:
    """The operations, on users that this adds to the database."""
    owners = [*READERS, *TOGGLERS, MANY]
    values = {"users": [*owners, *MAKERS], "owners": owners, "many": MANY}
    cursor.execute(OWNERS, values)
    read = _tasks_of(READERS, cursor)
    toggled = _tasks_of(TOGGLERS, cursor)
    hs256 = {
        LIST: token_mix(READERS, tokens.hs256, _list),
        LONG_LIST: fixed(Request("GET", f"/api/{MANY}/tasks", tokens.hs256(MANY))),
        ONE: token_mix(READERS, tokens.hs256, _on_a_task(read, "GET")),
        CREATE: token_mix(MAKERS, tokens.hs256, _create),
        TOGGLE: token_mix(TOGGLERS, tokens.hs256, _on_a_task(toggled, "PATCH", "/complete")),
        BAD_TOKEN: fixed(
            *(Request("GET", f"/api/{u}/tasks", tokens.hs256(u, "another" * 8)) for u in READERS),
            status="401",
        ),
    }
    eddsa = {
        EDDSA[LIST]: token_mix(READERS, tokens.eddsa, _list, BOTH_ALGORITHMS),
        EDDSA[ONE]: token_mix(READERS, tokens.eddsa, _on_a_task(read, "GET"), BOTH_ALGORITHMS),
    }
    return hs256 | eddsa


def of_many_users(cursor: Any, tokens: Tokens, users: int) -> Workload:
    """A page of 20, and one task, of each of ten thousand users, if there are so many."""
    number = min(users, PAGE_USERS)
    owners = [f"user-{n * users // number}" for n in range(number)]
    cursor.execute(
        "SELECT user_id, min(id) FROM task WHERE user_id = ANY(%s) GROUP BY user_id", [owners]
    )
    own = [(f"/api/{user}/tasks", task, tokens.hs256(user)) for user, task in cursor.fetchall()]
    return {
        PAGE: fixed(*(Request("GET", f"{tasks}?limit=20", token) for tasks, _, token in own)),
        ONE: fixed(*(Request("GET", f"{tasks}/{task}", token) for tasks, task, token in own)),
    }


def fixed(*requests: Request, status: str = "2xx") -> Operation:
    """The same requests in each run."""
    return Operation(lambda: Cycle(requests), status)


def token_mix(
    users: Sequence[str],
    sign: Sign,
    make: Callable[[str, str], Request],
    targets: frozenset[str] = frozenset(),
) -> Operation:
    """Requests that ``make`` builds from a user id and a token, with new tokens in each run."""

    def cycle() -> Cycle:
        requests = [make(user, sign(user)) for _ in range(GENERATIONS) for user in users]
        return Cycle(requests, block=len(users), uses=USES, in_order=True)

    return Operation(cycle, targets=targets)


def _list(user: str, token: str) -> Request:
    return Request("GET", f"/api/{user}/tasks", token)


def _create(user: str, token: str) -> Request:
    return Request("POST", f"/api/{user}/tasks", token, BODY)


def _on_a_task(
    tasks: dict[str, list[int]], method: str, suffix: str = ""
) -> Callable[[str, str], Request]:
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
