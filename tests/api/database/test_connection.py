"""One connection: what it carries, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from api.database.connection import Connection
from api.database.urls import connection_parameters
from tests.api.database.resetting_proxy import resetting_proxy
from tests.api.database.tls_proxy import LARGEST_RECORD, tls_proxy
from tests.support.database.faults import silent_listener
from tests.support.database.faulty_proxy import faulty_proxy, silenced
from tests.support.database.pool import (
    LOOPS,
    TERMINATE,
    Run,
    ask,
    backend,
    loop_iterations,
    opened_database,
    runner,
)
from tests.support.database.restartable_postgres import IMMEDIATE_STOP, restartable_postgres
from tests.support.database.temporary_database import empty_database
from tests.support.http.server import make_settings

MEGABYTE = 1_000_000
SECONDS = 30


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on an event loop of this kind."""
    with runner(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    """A database with one table of one column."""
    with empty_database(database_url) as own:
        ask(own, "CREATE TABLE number (value int PRIMARY KEY)")
        yield own


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection to the database at ``url``."""
    parameters = connection_parameters(make_settings(database_url=url))
    connection = await Connection.open(parameters, SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def has_reader(connection: Connection) -> bool:
    """Whether the event loop would still call the connection; it does not afterwards."""
    return asyncio.get_running_loop().remove_reader(connection._socket)  # noqa: SLF001


def test_rows_come_back(run: Run, url: str) -> None:
    text = "SELECT value, %(word)s FROM generate_series(1, %(n)s) value"

    async def work() -> None:
        async with connected(url) as connection:
            rows = await connection.execute(text, {"n": 2, "word": "ünï %"}, SECONDS)
            assert rows == [(1, "ünï %"), (2, "ünï %")]

    run(work())


def test_an_error_in_the_last_of_two_statements_undoes_both_and_keeps_the_connection(
    run: Run, url: str
) -> None:
    async def work() -> None:
        async with connected(url) as connection:
            text = "INSERT INTO number VALUES (77); SELECT 1 / 0"
            with pytest.raises(psycopg2.errors.DivisionByZero):
                await connection.execute(text, {}, SECONDS)

            assert not connection.is_closed
            rows = await connection.execute("SELECT count(*) FROM number", {}, SECONDS)
            assert rows == [(0,)]

    run(work())


def test_a_missing_value_is_an_error_before_anything_is_sent(run: Run, url: str) -> None:
    async def work() -> None:
        async with connected(url) as connection:
            with pytest.raises(KeyError):
                await connection.execute("SELECT %(absent)s", {}, SECONDS)

            assert await connection.execute("SELECT 1", {}, SECONDS) == [(1,)]

    run(work())


def test_statement_blocks_no_event_loop(run: Run, url: str) -> None:
    async def work() -> int:
        async with connected(url) as connection:
            return await loop_iterations(connection.execute("SELECT pg_sleep(0.5)", {}, SECONDS))

    assert run(work()) > 5


def test_a_statement_of_5_mb_is_sent_as_fast_as_the_server_reads_it(run: Run, url: str) -> None:
    with faulty_proxy(url) as (proxy, through):

        async def work() -> None:
            async with connected(through) as connection:
                proxy.delay = 0.01
                values = {"text": "y" * 5 * MEGABYTE}
                rows = await connection.execute("SELECT length(%(text)s)", values, SECONDS)
                assert rows == [(5 * MEGABYTE,)]

        run(work())


@pytest.mark.parametrize("encrypted", [False, True])
def test_an_answer_of_30_mb_and_a_statement_of_5_mb_arrive(
    run: Run, url: str, tmp_path: Path, *, encrypted: bool
) -> None:
    with tls_proxy(url, tmp_path) as through:

        async def work() -> None:
            async with connected(through if encrypted else url) as connection:
                large = "SELECT repeat('x', %(size)s)"
                [(answer,)] = await connection.execute(large, {"size": 30 * MEGABYTE}, SECONDS)
                assert answer == "x" * 30 * MEGABYTE
                sent = {"text": "y" * 5 * MEGABYTE}
                rows = await connection.execute("SELECT length(%(text)s)", sent, SECONDS)
                assert rows == [(5 * MEGABYTE,)]

        run(work())


def test_answers_in_the_largest_records_of_tls_arrive_whole(
    run: Run, url: str, tmp_path: Path
) -> None:
    sizes = range(LARGEST_RECORD // 2, 12 * LARGEST_RECORD, LARGEST_RECORD // 4 + 1)

    async def work() -> None:
        async with connected(encrypted) as connection:
            for size in sizes:
                text, values = "SELECT repeat('x', %(size)s)", {"size": size}
                assert await connection.execute(text, values, SECONDS) == [("x" * size,)]

    with tls_proxy(url, tmp_path) as encrypted:
        run(work())


def test_idle_connection_closes_when_the_server_ends_it(run: Run, url: str) -> None:
    async def work() -> None:
        async with connected(url) as connection:
            ask(url, TERMINATE)
            async with asyncio.timeout(SECONDS):
                while not connection.is_closed:  # noqa: ASYNC110, nothing else tells of it
                    await asyncio.sleep(0)
            assert not has_reader(connection)

    run(work())


def test_end_of_a_server_that_only_warns_is_seen_before_the_next_statement(run: Run) -> None:
    with restartable_postgres() as server:

        async def work() -> bool:
            async with connected(server.url) as connection:
                await connection.execute("SELECT 1", {}, SECONDS)
                server.stop(IMMEDIATE_STOP)
                return connection.has_ended()

        assert run(work())
        server.start()


def test_the_reader_is_gone_when_a_statement_fails_with_its_connection(run: Run, url: str) -> None:
    async def work() -> None:
        async with connected(url) as connection:
            sleeping = asyncio.ensure_future(connection.execute("SELECT pg_sleep(9)", {}, SECONDS))
            await asyncio.sleep(0.1)
            ask(url, TERMINATE)
            with pytest.raises(psycopg2.OperationalError):
                await sleeping
            assert connection.is_closed
            assert not has_reader(connection)

    run(work())


def test_reset_within_an_answer_is_a_lost_connection_at_once(run: Run, url: str) -> None:
    with resetting_proxy(url) as through:

        async def work() -> None:
            async with connected(through) as connection:
                with pytest.raises(psycopg2.OperationalError):
                    await connection.execute("SELECT repeat('x', 5000)", {}, SECONDS)
                assert connection.is_closed
                assert not has_reader(connection)

        run(work())


@pytest.mark.parametrize("megabytes", [0, 20])
def test_a_statement_that_is_not_answered_in_time_ends_its_connection(
    run: Run, url: str, megabytes: int
) -> None:
    with faulty_proxy(url) as (proxy, through):

        async def work() -> None:
            async with connected(through) as connection:
                values = {"text": "x" * megabytes * MEGABYTE}
                with silenced(proxy), pytest.raises(TimeoutError):
                    await connection.execute("SELECT length(%(text)s)", values, 0.3)
                assert connection.is_closed
                assert not has_reader(connection)

        run(work())


def test_a_cancelled_statement_ends_its_connection(run: Run, url: str) -> None:
    async def work() -> None:
        async with connected(url) as connection:
            sleeping = asyncio.ensure_future(connection.execute("SELECT pg_sleep(9)", {}, SECONDS))
            await asyncio.sleep(0.1)
            sleeping.cancel()
            await asyncio.wait([sleeping])
            assert sleeping.cancelled()
            assert connection.is_closed
            assert not has_reader(connection)

    run(work())


def test_a_server_that_never_answers_is_given_up_in_time(run: Run) -> None:
    with silent_listener() as silent:

        async def work() -> int:
            parameters = connection_parameters(make_settings(database_url=silent))

            async def fails() -> None:
                with pytest.raises(TimeoutError):
                    await Connection.open(parameters, 0.3)

            return await loop_iterations(fails())

        assert run(work()) > 5


def test_every_address_is_tried(run: Run, url: str) -> None:
    # The server listens at the second of them alone.
    addresses = {"host": "localhost,localhost", "hostaddr": f"::1,{make_url(url).host}"}

    async def work() -> None:
        parameters = connection_parameters(make_settings(database_url=url)) | addresses
        connection = await Connection.open(parameters, SECONDS)
        assert await connection.execute("SELECT 1", {}, SECONDS) == [(1,)]
        connection.close()

    run(work())


def test_a_name_is_looked_up(run: Run, url: str) -> None:
    async def work() -> None:
        async with opened_database(named, pool_size=1) as database:
            assert await backend(database) > 0

    named = make_url(url).set(host="localhost").render_as_string(hide_password=False)
    run(work())
