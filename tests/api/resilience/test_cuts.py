"""Connections cut under load fail no request that may be repeated."""

import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.support.database.pgbouncer import Pooler, pooler
from tests.support.database.pool import ask
from tests.support.database.restartable_postgres import IMMEDIATE_STOP, RestartablePostgres
from tests.support.http.background_traffic import IDEMPOTENT, NOT_IDEMPOTENT, background_traffic
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total

# PgBouncer's connections to the database have no name of ours.
TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
MORE = 120


# PgBouncer's own default is 15: it asks its database again only then.
IMPATIENT = {"server_login_retry": 1}


HIDDEN = "terminate behind the pooler"  # PgBouncer replaces its own connections


class Fault(NamedTuple):
    """``certain``: the server says itself that it ran nothing, so that all can be repeated."""

    inject: Callable[[RestartablePostgres, Pooler], object]
    through_pooler: bool = False
    certain: bool = True


def restart_pooler(_: RestartablePostgres, pooled: Pooler) -> None:
    pooled.stop(signal.SIGKILL)
    pooled.start()


FAULTS = {
    "terminate": Fault(lambda server, _: ask(server.url, TERMINATE)),
    "restart fast": Fault(lambda server, _: server.restart()),
    "restart immediate": Fault(lambda server, _: server.restart(IMMEDIATE_STOP), certain=False),
    HIDDEN: Fault(lambda server, _: ask(server.url, TERMINATE), through_pooler=True),
    "restart fast behind the pooler": Fault(
        lambda server, _: server.restart(), through_pooler=True, certain=False
    ),
    "restart immediate behind the pooler": Fault(
        lambda server, _: server.restart(IMMEDIATE_STOP), through_pooler=True, certain=False
    ),
    "kill the pooler": Fault(restart_pooler, through_pooler=True, certain=False),
}
NOT_SLOW = "restart fast"
CASES = [
    NOT_SLOW,
    *(pytest.param(name, marks=pytest.mark.slow) for name in FAULTS if name != NOT_SLOW),
]


@pytest.fixture(scope="module")
def pooled(server: RestartablePostgres) -> Iterator[Pooler]:
    """A pooler that asks its database again soon."""
    with pooler(server.url, size=8, **IMPATIENT) as made:
        yield made


@pytest.mark.parametrize("name", CASES)
def test_connections_cut_under_load_fail_no_request(
    name: str, server: RestartablePostgres, pooled: Pooler
) -> None:
    fault = FAULTS[name]
    url = pooled.url if fault.through_pooler else server.url
    with serve(make_settings(database_url=url)) as base, background_traffic(base) as load:
        before = scrape(base)
        for _ in range(2):
            load.wait_for(MORE)
            fault.inject(server, pooled)
        load.wait_for(MORE)
        after = scrape(base)

    why = [line for line in after.splitlines() if line.startswith("tasks_api_db_unavailable")]
    assert load.statuses(*IDEMPOTENT) <= {200, 201}, (load.failed(), why)
    assert load.statuses(*NOT_IDEMPOTENT) <= ({200} if fault.certain else {200, 504}), (
        load.failed(),
        why,
    )
    assert load.slowest() < 5
    made = [total(text, "tasks_api_db_connects_total", outcome="ok") for text in (before, after)]
    assert name == HIDDEN or made[1] > made[0]


@pytest.mark.parametrize("name", CASES)
def test_idle_connections_cut_cost_one_reconnect_and_no_retry(
    name: str, server: RestartablePostgres, pooled: Pooler
) -> None:
    fault = FAULTS[name]
    hidden = name.endswith("behind the pooler")
    url = pooled.url if fault.through_pooler else server.url
    with serve(make_settings(database_url=url)) as base:
        with background_traffic(base, 4) as load:
            load.wait_for(40)
        before = scrape(base)
        fault.inject(server, pooled)
        with background_traffic(base, 1) as again:
            again.wait_for(20)
        after = scrape(base)

    def grown(metric: str, **labels: str) -> float:
        return total(after, metric, **labels) - total(before, metric, **labels)

    assert not load.failed() + again.failed()
    assert grown("tasks_api_db_reconnects_total", reason="ended") == (0 if hidden else 1)
    assert grown("tasks_api_db_retries_total") == 0
    assert grown("tasks_api_db_unavailable_total") == 0
