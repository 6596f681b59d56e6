"""Near the end of a request nothing is begun that could not be finished."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.database.engine import Database
from api.database.statement import CompiledStatement
from api.problems.catalogue import DatabaseUnavailable, OutcomeUnknown
from api.problems.problem import Problem
from api.tasks import create_statement
from api.tasks.schemas import TaskCreate
from api.telemetry import request_context
from tests.support.database.faults import task_table_locked
from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy, silenced
from tests.support.database.pool import backend, by_many, opened_database, sleep
from tests.support.http.server import make_settings

WRITE = CompiledStatement("write", "SELECT 1", {}, writes=True, repeatable=True)
LIST = CompiledStatement("list", "SELECT title FROM task", {}, writes=False)
LATE_WRITE = CompiledStatement("write", "SELECT pg_sleep(0.5)", {}, writes=True, repeatable=True)


@pytest.fixture
def through(database_url: str) -> Iterator[tuple[FaultyProxy, str]]:
    """A gate before the database."""
    with faulty_proxy(database_url) as (proxy, url):
        yield proxy, url


def with_seconds_left(seconds: float) -> request_context.RequestContext:
    """The trace of a request that has spent all but these of its ten."""
    current = request_context.begin("late")
    current.started -= 10 - seconds
    return current


async def raised(work: Awaitable[Any]) -> Problem:
    """The problem that it ends with."""
    with pytest.raises(Problem) as caught:
        await work
    return caught.value


def run(url: str, work: Callable[[Database], Awaitable[None]]) -> None:
    """A warm pool of one connection, and work to do on it."""

    async def warm() -> None:
        async with opened_database(url, pool_size=1) as database:
            await backend(database)
            await work(database)

    asyncio.run(warm())


def test_a_write_without_time_for_its_answer_is_not_sent(through: tuple[FaultyProxy, str]) -> None:
    proxy, url = through

    async def work(database: Database) -> None:
        turns, current = proxy.client_messages, with_seconds_left(0.05)
        problem = await raised(database.run(WRITE, "alice"))

        assert isinstance(problem, DatabaseUnavailable)
        assert problem.reason == "request_deadline"
        assert database.failures == 0
        assert (proxy.client_messages - turns, current.round_trips) == (0, 0)
        request_context.begin("next")
        assert await database.run(WRITE, "alice") == [(1,)]

    run(url, work)


def test_a_write_that_a_lock_delays_beyond_its_request_is_certainly_not_applied(
    through: tuple[FaultyProxy, str], database_url: str
) -> None:
    _, url = through
    user = f"user-{uuid4().hex}"
    task = TaskCreate(title="late").columns() | {
        "due_at": None,
        "request_hash": None,
        "max_tasks": 0,
    }
    create = create_statement.create(creates_user=True, has_key=False)

    async def work(database: Database) -> None:
        await database.run(create, user, **task, idempotency_key="first")
        before = await backend(database)
        with task_table_locked(database_url):
            with_seconds_left(0.4)
            problem = await raised(database.run(create, user, **task, idempotency_key="second"))
        request_context.begin("next")

        assert (problem.status, problem.reason) == (503, "statement_timeout")
        assert len(await database.run(LIST, user)) == 1
        assert await backend(database) == before
        assert database.failures == 0

    run(url, work)


def test_message_cut_by_the_end_of_its_request_invalidates_no_other_connection(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through

    async def work() -> None:
        async with opened_database(url, pool_size=2) as database:
            await by_many(database, sleep(0.2), 2)
            with silenced(proxy):
                with_seconds_left(0.3)
                problem = await raised(database.run(WRITE, "alice"))
            request_context.begin("next")

            assert isinstance(problem, OutcomeUnknown)
            assert (problem.reason, database.failures) == ("request_deadline", 0)
            await backend(database)
            assert len(proxy.connection_times) == 2

    asyncio.run(work())


def test_a_connection_that_comes_too_late_is_kept_and_nothing_is_sent(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through

    async def work() -> None:
        async with opened_database(url, pool_size=1) as database:
            proxy.before_connecting = lambda: time.sleep(0.5)
            with_seconds_left(0.58)
            problem = await raised(database.run(WRITE, "alice"))
            assert (problem.status, len(proxy.connection_times)) == (503, 1)
            request_context.begin("next")
            await backend(database)

    asyncio.run(work())


def test_message_lost_near_the_end_of_its_request_is_not_sent_again(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through

    async def work(database: Database) -> None:
        lost = iter([True])
        proxy.drops_answer_to = lambda _: next(lost, False)
        current = with_seconds_left(0.57)
        problem = await raised(database.run(LATE_WRITE, "alice"))

        assert isinstance(problem, OutcomeUnknown)
        assert problem.reason == "lost"
        assert (current.round_trips, current.retries) == (1, 0)

    run(url, work)


def test_a_retry_ends_with_its_request(through: tuple[FaultyProxy, str]) -> None:
    proxy, url = through

    async def work(database: Database) -> None:
        current = with_seconds_left(0.8)
        first = iter([True])
        proxy.drops_answer_to = lambda _: next(first, False)
        connects = threading.Event()
        proxy.before_connecting = connects.wait
        started = time.monotonic()
        problem = await raised(database.run(WRITE, "alice"))
        waited = time.monotonic() - started
        connects.set()

        assert isinstance(problem, OutcomeUnknown)
        assert (current.round_trips, current.retries) == (1, 0)
        assert waited < make_settings().connect_deadline_seconds

    run(url, work)


def test_short_attempt_to_connect_does_not_open_the_breaker(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through

    async def work() -> None:
        async with opened_database(url) as database:
            proxy.before_connecting = lambda: time.sleep(0.8)
            with_seconds_left(0.3)
            hurried = await raised(backend(database))
            request_context.begin("next")
            assert await backend(database) > 0
            assert isinstance(hurried, DatabaseUnavailable)

    asyncio.run(work())


def test_one_silent_connection_invalidates_all_idle_ones(
    through: tuple[FaultyProxy, str],
) -> None:
    proxy, url = through
    size = 5

    async def work() -> None:
        limits = {"statement_timeout_seconds": 1, "database_deadline_seconds": 1}
        async with opened_database(url, pool_size=size, **limits) as database:
            await by_many(database, sleep(0.2), size)
            proxy.blackhole_connections()
            assert (await raised(backend(database))).reason == "deadline"
            for _ in range(2 * size):
                assert await backend(database) > 0
            assert len(await by_many(database, sleep(0.2), size)) == size

    asyncio.run(work())
    assert len(proxy.connection_times) == 2 * size
