"""A PostgreSQL that these tests may stop, alone and behind a pooler."""

from collections.abc import Iterator

import pytest

from tests.support.database.pgbouncer import Pooler, pooler
from tests.support.database.restartable_postgres import RestartablePostgres, restartable_postgres


@pytest.fixture(scope="package")
def server() -> Iterator[RestartablePostgres]:
    """Runs, and has the schema, whenever a test begins; a test may stop it."""
    with restartable_postgres() as made:
        yield made


@pytest.fixture(autouse=True)
def _started_again(server: RestartablePostgres) -> Iterator[None]:
    """A test that failed leaves no stopped server to the next one."""
    yield
    server.start()


@pytest.fixture(scope="package")
def pooled(server: RestartablePostgres) -> Iterator[Pooler]:
    """The same database through PgBouncer in transaction mode."""
    with pooler(server.url, size=8) as made:
        yield made
