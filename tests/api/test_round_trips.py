"""Every operation sends one message to the database, and every message names its user."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.support.database.counting_proxy import CountingProxy, counting
from tests.support.database.pgbouncer import pgbouncer
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

OPERATIONS: dict[str, Callable[[User, int], Any]] = {
    "list": lambda user, _: user.get(user.tasks),
    "create": lambda user, _: user.post(user.tasks, json={"title": "another"}),
    "read": lambda user, task: user.get(user.one(task)),
    "put": lambda user, task: user.put(user.one(task), json={"title": "new"}),
    "patch": lambda user, task: user.patch(user.one(task), json={"priority": "high"}),
    "toggle": lambda user, task: user.patch(f"{user.one(task)}/complete"),
    "set": lambda user, task: user.patch(f"{user.one(task)}/complete", json={"completed": True}),
    "delete": lambda user, task: user.delete(user.one(task)),
    "batch": lambda user, task: user.post(
        f"{user.tasks}/batch", json={"operations": batch_of_100(task)}
    ),
    "batch with a key": lambda user, task: user.post(
        f"{user.tasks}/batch",
        json={"operations": batch_of_100(task)},
        headers={"Idempotency-Key": uuid4().hex},
    ),
    "changes": lambda user, _: user.get(f"{user.tasks}/changes"),
    "no changes": lambda user, _: user.get(f"{user.tasks}/changes", headers={"If-None-Match": "*"}),
    "trash": lambda user, _: user.get(f"{user.tasks}/trash"),
    "checked put": lambda user, task: user.put(
        user.one(task), json={"title": "new"}, headers={"If-Match": "*"}
    ),
    "mismatch": lambda user, task: user.delete(user.one(task), headers={"If-Match": '"old"'}),
    "not modified": lambda user, task: user.get(user.one(task), headers={"If-None-Match": "*"}),
    "list not modified": lambda user, _: user.get(user.tasks, headers={"If-None-Match": "*"}),
    "restore": lambda user, task: user.post(f"{user.one(task)}/restore"),
    "erase": lambda user, task: user.delete(f"{user.tasks}/trash/{task}"),
}


def batch_of_100(task: int) -> list[dict[str, Any]]:
    """An update and 99 creates."""
    new = {"op": "create", "task": {"title": "new", "tags": ["a"]}}
    return [{"op": "update", "id": task, "changes": {"title": "new"}}, *[new] * 99]


def replay(user: User) -> Any:
    """The answer to a batch that is sent again."""
    body = {"operations": batch_of_100(user.add()["id"])}
    headers = {"Idempotency-Key": uuid4().hex}
    user.post(f"{user.tasks}/batch", json=body, headers=headers)
    return lambda: user.post(f"{user.tasks}/batch", json=body, headers=headers)


@pytest.fixture(scope="module", params=["direct", "pooled"])
def watched(
    request: pytest.FixtureRequest, database_url: str
) -> Iterator[tuple[CountingProxy, str]]:
    """A server whose database connections pass the proxy, on their way to a pooler or not."""
    with ExitStack() as stack:
        pooled = request.param == "pooled"
        target = stack.enter_context(pgbouncer(database_url, 4)) if pooled else database_url
        proxy, url = stack.enter_context(counting(target))
        yield proxy, stack.enter_context(serve(make_settings(database_url=url)))


@pytest.fixture
def carol(watched: tuple[CountingProxy, str]) -> Iterator[User]:
    """A user of the watched server."""
    with User(watched[1], f"user-{uuid4().hex}") as user:
        yield user


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_takes_one_round_trip(
    operation: str, carol: User, watched: tuple[CountingProxy, str]
) -> None:
    task = carol.add()
    if operation in {"restore", "erase"}:
        carol.delete(carol.one(task["id"]))
    before = len(watched[0].messages)

    response = OPERATIONS[operation](carol, task["id"])

    assert response.status_code in {200, 201, 304, 412}
    assert len(watched[0].messages) - before == 1


def test_a_repeated_batch_takes_one_round_trip(
    carol: User, watched: tuple[CountingProxy, str]
) -> None:
    again = replay(carol)
    before = len(watched[0].messages)

    assert again().headers["Idempotency-Replayed"] == "true"
    assert len(watched[0].messages) - before == 1


def test_first_create_of_a_new_user_takes_one_round_trip(
    carol: User, watched: tuple[CountingProxy, str]
) -> None:
    carol.get(carol.tasks)
    before = len(watched[0].messages)

    carol.add()

    assert len(watched[0].messages) - before == 1


def test_refused_requests_do_not_use_the_database(
    carol: User, watched: tuple[CountingProxy, str]
) -> None:
    carol.add()
    before = len(watched[0].messages)

    carol.get(carol.tasks, headers={"Authorization": "Bearer a.b.c"})
    carol.get("/api/another-user/tasks")
    carol.get("/nothing")
    carol.delete(carol.tasks)
    carol.options(carol.tasks)
    carol.post(carol.tasks, json={"title": ""})
    carol.get("/readyz")

    assert len(watched[0].messages) == before


def test_every_message_starts_with_role_user_and_timeout(
    watched: tuple[CountingProxy, str],
) -> None:
    proxy, base = watched
    with User(base, "o'brien\\ %s") as user:
        task = user.add()
        for operation in OPERATIONS.values():
            operation(user, task["id"])

    assert len(proxy.messages) > len(OPERATIONS)
    for message in proxy.messages:
        assert message.startswith(
            "SELECT set_config('role','task_api',true), set_config('app.user_id',"
        )
        assert message.index("true), set_config('statement_timeout','1500',true)") > 0


def test_startup_does_not_use_the_database(database_url: str) -> None:
    with counting(database_url) as (proxy, url), serve(make_settings(database_url=url)):
        pass

    assert proxy.connections == 0
