"""Where on its way an answer may be lost: a gate, and the database's URL for the API."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.database.pgbouncer import pooler
from tests.support.database.restartable_postgres import RestartablePostgres


@contextmanager
def before_the_pooler(server: RestartablePostgres) -> Iterator[tuple[FaultyProxy, str]]:
    """A gate between the API and a pooler."""
    with pooler(server.url, size=4) as pooled, faulty_proxy(pooled.url) as found:
        yield found


@contextmanager
def behind_the_pooler(server: RestartablePostgres) -> Iterator[tuple[FaultyProxy, str]]:
    """A gate between a pooler and its database."""
    with faulty_proxy(server.url) as (proxy, url), pooler(url, size=4) as pooled:
        yield proxy, pooled.url


PLACES: dict[
    str, Callable[[RestartablePostgres], AbstractContextManager[tuple[FaultyProxy, str]]]
] = {
    "direct": lambda server: faulty_proxy(server.url),
    "before the pooler": before_the_pooler,
    "behind the pooler": behind_the_pooler,
}
