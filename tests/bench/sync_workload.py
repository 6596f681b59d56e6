"""The operations for devices that keep a copy of the tasks. The API alone has them.

The feed of a user who only reads is empty. A user who deletes and restores has 100 tasks.
"""

import json
from collections.abc import Iterable
from itertools import cycle as endless
from typing import Any, NamedTuple

from api.tasks import changes, etags, listing
from api.tasks.feed_position import Position
from tests.bench.operation import (
    GENERATIONS,
    USES,
    Make,
    Operation,
    Workload,
    fixed,
    named,
    token_mix,
)
from tests.bench.servers import PRODUCT
from tests.bench.tokens import Sign, Tokens
from tests.bench.wrk import Cycle, Request

BATCHERS, RESTORERS = named("batcher"), named("restorer")
TASKS = 100
SAME_LIST, NO_CHANGES, SAME_CHANGES, BATCH, RESTORE = (
    "304 of a list",
    "empty changes",
    "304 of changes",
    "batch of 100",
    "delete and restore",
)
ALONE = frozenset({PRODUCT})
CLOCKS = """
SELECT user_id, (at AT TIME ZONE 'UTC')::text || '+00', to_json(at) #>> '{}'
FROM task_clock WHERE user_id = ANY(%s)
"""


class Clock(NamedTuple):
    """A user's clock: as the tags of collections have it, and as tasks have their version."""

    state: str
    version: str

    def tag(self, shape: str) -> str:
        """The current tag of a collection of this shape."""
        return etags.of_collection(shape, self.state)


def operations(tasks: dict[str, list[int]], clocks: dict[str, Clock], tokens: Tokens) -> Workload:
    """The operations; ``tasks`` are those of each user, ``clocks`` those of users who only read."""
    return {
        SAME_LIST: _of_readers(clocks, tokens, _known_list(clocks), "304"),
        NO_CHANGES: _of_readers(clocks, tokens, _changes(clocks)),
        SAME_CHANGES: _of_readers(clocks, tokens, _changes(clocks, shape=changes.SHAPE), "304"),
        BATCH: fixed(*(_batch(u, tasks[u], tokens) for u in BATCHERS), targets=ALONE),
        RESTORE: _delete_and_restore({u: tasks[u] for u in RESTORERS}, tokens.hs256),
    }


def clocks_of(users: Iterable[str], cursor: Any) -> dict[str, Clock]:
    """Each user's clock."""
    cursor.execute(CLOCKS, [[*users]])
    return {user: Clock(*texts) for user, *texts in cursor.fetchall()}


def _of_readers(
    clocks: dict[str, Clock], tokens: Tokens, make: Make, status: str = "2xx"
) -> Operation:
    return token_mix([*clocks], tokens.hs256, make, status, ALONE)


def _known_list(clocks: dict[str, Clock]) -> Make:
    def make(user: str, token: str) -> Request:
        tag = clocks[user].tag(listing.SHAPE)
        return Request("GET", f"/api/{user}/tasks", token, entity_tag=tag)

    return make


def _changes(clocks: dict[str, Clock], *, shape: str = "") -> Make:
    """The changes since the last one; with ``shape`` the client also knows the tag."""

    def make(user: str, token: str) -> Request:
        clock = clocks[user]
        path = f"/api/{user}/tasks/changes?since={Position(clock.version).encode()}"
        return Request("GET", path, token, entity_tag=clock.tag(shape) if shape else "")

    return make


def _batch(user: str, tasks: list[int], tokens: Tokens) -> Request:
    """100 changes, which find the same work each time."""
    new = {"title": "Buy oat milk", "completed": True}
    operations = [{"op": "update", "id": task, "changes": new} for task in tasks]
    body = json.dumps({"operations": operations})
    return Request("POST", f"/api/{user}/tasks/batch", tokens.hs256(user), body)


def _delete_and_restore(tasks: dict[str, list[int]], sign: Sign) -> Operation:
    """All users delete a task, then all restore it, so that each run finds tasks to restore.

    Where a run ends, some tasks are in the trash: the next run takes other ones. wrk does not send
    the first request of a run, so that is the last restore.
    """
    turns = {user: endless(own) for user, own in tasks.items()}

    def cycle() -> Cycle:
        paths = {user: f"/api/{user}/tasks/{next(own)}" for user, own in turns.items()}
        requests: list[Request] = []
        for _ in range(GENERATIONS):
            signed = {user: sign(user) for user in paths}
            deletes = [Request("DELETE", paths[u], token) for u, token in signed.items()]
            restores = [Request("POST", f"{paths[u]}/restore", t) for u, t in signed.items()]
            requests += [restores.pop(), *deletes, *restores]
        return Cycle(requests, block=2 * len(paths), uses=USES // 2, in_order=True)

    return Operation(cycle, targets=ALONE)
