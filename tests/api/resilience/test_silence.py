"""A server that stops speaking, behind a pooler or a network: answers come in time all the same."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.resilience.liveness import alive, check_alive
from tests.support.database.faults import (
    backend_stopped,
    in_background,
    silent_listener,
    task_table_locked,
)
from tests.support.database.faulty_proxy import faulty_proxy, silenced
from tests.support.database.pgbouncer import Pooler
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import OPERATIONS, READS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total

# Together less than the deadlines by default.
DEADLINE, SLACK = 0.6, 1.2


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("through", ["direct", pytest.param("pooled", marks=pytest.mark.slow)])
def test_a_silent_network_is_given_up_at_the_deadline(
    through: str, name: str, server: RestartablePostgres, pooled: Pooler
) -> None:
    own = server.url if through == "direct" else pooled.url
    limits = {"statement_timeout_seconds": DEADLINE, "database_deadline_seconds": DEADLINE}
    with (
        faulty_proxy(own) as (proxy, url),
        serve(make_settings(database_url=url, **limits)) as base,
        User(base, "waiting") as user,
    ):
        task = user.add()
        with silenced(proxy):
            answer = OPERATIONS[name](user, task["id"])
        text = scrape(base)
        again = user.get(user.tasks)

    expected = (503, "database_unavailable") if name in READS else (504, "outcome_unknown")
    assert (answer.status_code, answer.json()["code"]) == expected
    assert DEADLINE - 0.01 <= answer.elapsed.total_seconds() <= DEADLINE + SLACK
    assert total(text, "tasks_api_db_unavailable_total", cause="deadline") >= 1
    assert again.status_code == 200


@pytest.mark.parametrize("name", ["list", "create"])
def test_server_that_never_answers_a_connection_is_503_for_writes_too(name: str) -> None:
    with (
        silent_listener() as url,
        serve(make_settings(database_url=url, connect_deadline_seconds=DEADLINE)) as base,
        User(base, "waiting") as user,
        alive(base) as lives,
        ThreadPoolExecutor(4) as pool,
    ):
        answers = [*pool.map(lambda _: OPERATIONS[name](user, 0), range(4))]

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert max(answer.elapsed.total_seconds() for answer in answers) <= DEADLINE + SLACK
    check_alive(lives)


@pytest.mark.parametrize("name", ["read", "put"])
@pytest.mark.parametrize("through", ["direct", pytest.param("pooled", marks=pytest.mark.slow)])
def test_a_frozen_server_is_given_up_at_the_deadline(
    through: str, name: str, server: RestartablePostgres, pooled: Pooler
) -> None:
    limits = {"statement_timeout_seconds": DEADLINE, "database_deadline_seconds": DEADLINE}
    url = server.url if through == "direct" else pooled.url
    with (
        serve(make_settings(database_url=url, **limits)) as base,
        User(base, "waiting") as user,
    ):
        task = user.add()
        with (
            task_table_locked(server.url),
            in_background(OPERATIONS[name], user, task["id"]) as waiting,
            backend_stopped(server.url, waiting),
            alive(base) as lives,
        ):
            answer = waiting.result()
        again = user.get(user.tasks)

    assert answer.status_code == (503 if name in READS else 504)
    assert answer.headers.get("retry-after") == ("1" if name in READS else None)
    assert answer.elapsed.total_seconds() <= DEADLINE + SLACK
    assert again.status_code == 200
    check_alive(lives)
