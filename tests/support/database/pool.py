"""A ``Database`` as a worker has it, and messages that keep its server busy."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg2
import uvloop

from api.database.engine import Database
from api.database.statement import CompiledStatement
from tests.support.http.server import make_settings

Run = Callable[[Coroutine[Any, Any, Any]], Any]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE application_name = 'tasks-api' AND datname = current_database()"
)
BACKEND_PID = CompiledStatement("who", "SELECT pg_backend_pid()", {}, writes=False)


@contextmanager
def runner(loop: str) -> Iterator[Run]:
    """Runs coroutines on an event loop of this kind."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as made:
        yield made.run


def sleep(seconds: float, *, writes: bool = False) -> CompiledStatement:
    """A statement that takes this long."""
    return CompiledStatement("sleep", f"SELECT pg_sleep({seconds})", {}, writes=writes)


@asynccontextmanager
async def opened_database(url: str, **settings: Any) -> AsyncIterator[Database]:
    """A pool of connections to the database at ``url``."""
    database = Database(make_settings(database_url=url, **settings))
    try:
        yield database
    finally:
        await database.close()


async def backend(database: Database, user_id: str = "alice") -> int:
    """The process that serves the next message."""
    [(number,)] = await database.run(BACKEND_PID, user_id)
    return int(number)


def by_many(database: Database, statement: CompiledStatement, users: int) -> asyncio.Future[Any]:
    """The rows of each of so many users who send the statement at once."""
    return asyncio.gather(*(database.run(statement, f"user-{n}") for n in range(users)))


async def loop_iterations(work: Coroutine[Any, Any, Any]) -> int:
    """How often the event loop turned while the work ran to its end, good or bad."""
    task, count = asyncio.ensure_future(work), 0
    while not task.done():
        await asyncio.sleep(0.01)
        count += 1
    return count


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as the database's owner, over a connection of its own."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
