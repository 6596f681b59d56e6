"""A server, a network or a resolver that says nothing: the wait ends, and the loop never stands."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
import uvloop

from api.problems.catalogue import DatabaseUnavailable
from tests.support.database.dns import isolated
from tests.support.database.faults import (
    backend_stopped,
    in_background,
    silent_listener,
    task_table_locked,
)
from tests.support.database.name_server import name_server
from tests.support.database.pool import backend, loop_iterations, opened_database
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

UNAVAILABLE, UNKNOWN = (503, "database_unavailable"), (504, "outcome_unknown")
OPERATIONS: dict[str, tuple[Callable[[User, int], httpx.Response], tuple[int, str]]] = {
    "read": (lambda user, task: user.get(user.one(task)), UNAVAILABLE),
    "list": (lambda user, _: user.get(user.tasks), UNAVAILABLE),
    "create": (lambda user, _: user.post(user.tasks, json={"title": "new"}), UNKNOWN),
    "change": (lambda user, task: user.put(user.one(task), json={"title": "new"}), UNKNOWN),
    "toggle": (lambda user, task: user.patch(f"{user.one(task)}/complete"), UNKNOWN),
    "delete": (lambda user, task: user.delete(user.one(task)), UNKNOWN),
}


async def refused(url: str) -> int:
    """Ask a server that cannot answer; how often the loop turned meanwhile."""

    async def work() -> None:
        with pytest.raises(DatabaseUnavailable):
            await backend(database)

    async with opened_database(url, connect_deadline_seconds=0.5) as database:
        return await loop_iterations(work())


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_silent_server_is_given_up_and_blocks_no_event_loop(runner: Any) -> None:
    with silent_listener() as url:
        assert runner(refused(url)) > 5


def test_a_silent_server_is_a_503_and_the_process_stays_in_service() -> None:
    with (
        silent_listener() as url,
        serve(make_settings(database_url=url, connect_deadline_seconds=1)) as base,
        User(base, "alice") as alice,
        in_background(alice.get, alice.tasks) as answer,
    ):
        assert httpx.get(f"{base}/readyz").status_code == 200
        assert not answer.done()

        response = answer.result()

        assert response.status_code == 503
        assert response.json()["code"] == "database_unavailable"
        assert response.headers["retry-after"] == "1"


@pytest.fixture(scope="module")
def short(database_url: str) -> Iterator[User]:
    """A user of an API that waits less long than usual."""
    limits = {"statement_timeout_seconds": 1, "database_deadline_seconds": 1.3}
    settings = make_settings(database_url=database_url, **limits)
    with serve(settings) as base, User(base, f"user-{uuid4().hex}") as user:
        yield user


@pytest.mark.parametrize("operation", OPERATIONS)
def test_frozen_server_is_504_for_writes(operation: str, database_url: str, short: User) -> None:
    send, expected = OPERATIONS[operation]
    task = short.add()
    with (
        task_table_locked(database_url),
        in_background(send, short, task["id"]) as answer,
        backend_stopped(database_url, answer),
    ):
        response = answer.result()

    assert (response.status_code, response.json()["code"]) == expected
    assert response.headers.get("retry-after") == ("1" if expected == UNAVAILABLE else None)
    assert short.get(short.tasks).status_code == 200


@pytest.mark.parametrize("operation", OPERATIONS)
def test_lock_held_too_long_is_503_and_nothing_is_applied(
    operation: str, database_url: str, short: User
) -> None:
    send, _ = OPERATIONS[operation]
    task = short.add()
    before = short.all()
    with task_table_locked(database_url):
        response = send(short, task["id"])

    assert (response.status_code, response.json()["code"]) == UNAVAILABLE
    assert short.all() == before


def test_silent_name_server_is_given_up_and_blocks_no_event_loop(tmp_path: Path) -> None:
    assert int(isolated(f"{__name__}:unresolved()", tmp_path).split()[-1]) > 5


def unresolved() -> None:
    """In a network of its own: connect to a name that is not resolved; print the loop's turns."""
    with name_server(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(refused("postgresql://alice@db.example.com/tasks")), flush=True)
        # Not to wait for the thread that still asks.
        os._exit(0)
