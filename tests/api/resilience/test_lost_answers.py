"""The connection ends between a commit and its answer: no write is lost or doubled."""

import json
from collections.abc import Iterator
from threading import Lock
from typing import BinaryIO, NamedTuple
from uuid import uuid4

import pytest

from tests.api.resilience.answer_loss import PLACES
from tests.api.resilience.test_cuts import TERMINATE
from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.database.pool import ask
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import IDEMPOTENT, NOT_IDEMPOTENT, OPERATIONS, READS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve
from tests.support.observability.metrics import scrape, total

MESSAGES = {"put": "change", "patch": "change", "set": "change", "delete": "remove"}
OURS = b"task_api"  # a pooler has messages of its own
# ErrorResponse: PostgreSQL 17 documentation, section 53.7.
_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
SHUTDOWN = b"E" + (4 + len(_FIELDS)).to_bytes(4) + _FIELDS
CHANGES = sorted(IDEMPOTENT.keys() - READS.keys())


class Line(NamedTuple):
    """A user, and the gate between the API and its database."""

    user: User
    faulty_proxy: FaultyProxy
    database_url: str

    def lose(self, answers: int) -> None:
        """The next ``answers`` to a message of ours never arrive."""
        left = iter(range(answers))
        self.faulty_proxy.drops_answer_to = lambda data: (
            OURS in data and next(left, None) is not None
        )

    def end(self, sessions: int) -> None:
        """The next ``sessions`` that get a message of ours end before they read it."""
        left, turn = iter(range(sessions)), Lock()

        def terminate(data: bytes) -> bool:
            with turn:
                if OURS in data and next(left, None) is not None:
                    ask(self.database_url, TERMINATE)
            return False

        self.faulty_proxy.drops_answer_to = terminate

    def counted(self, metric: str, **labels: str) -> float:
        """The value of the API's counter."""
        return total(scrape(self.user.base_url), metric, **labels)

    def retries(self, message: str) -> float:
        """How often this message was sent again."""
        return self.counted("tasks_api_db_retries_total", operation=message)


@pytest.fixture(
    scope="module",
    params=["direct", *(pytest.param(n, marks=pytest.mark.slow) for n in [*PLACES][1:])],
)
def through(
    request: pytest.FixtureRequest, server: RestartablePostgres
) -> Iterator[tuple[FaultyProxy, str]]:
    """The gate where answers are lost, and the API."""
    with (
        PLACES[request.param](server) as (proxy, url),
        serve(make_settings(database_url=url)) as base,
    ):
        yield proxy, base


@pytest.fixture
def line(through: tuple[FaultyProxy, str], server: RestartablePostgres) -> Iterator[Line]:
    """A new user's."""
    proxy, base = through
    with User(base, f"user-{uuid4().hex}") as user:
        yield Line(user, proxy, server.url)


@pytest.mark.parametrize("name", IDEMPOTENT)
def test_message_whose_answer_was_lost_is_sent_again_once(
    name: str, line: Line, log: BinaryIO
) -> None:
    task = line.user.add()
    message = MESSAGES.get(name, name)
    before = line.retries(message)
    log.read()
    line.lose(1)

    response = IDEMPOTENT[name](line.user, task["id"])

    assert response.is_success, response.text
    assert "idempotency-replayed" not in response.headers
    assert line.retries(message) - before == 1
    assert _requests(log)[0]["db_retries"] == 1
    assert len(line.user.all()) == (2 if name == "create" else 1)
    if name not in READS:
        assert response.json() in line.user.all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_message_that_certainly_was_not_run_is_sent_until_it_is(name: str, line: Line) -> None:
    task = line.user.add()
    message = MESSAGES.get(name, name)
    before = line.retries(message)
    line.end(3)

    response = OPERATIONS[name](line.user, task["id"])

    assert response.is_success, response.text
    # A pooler behind the gate has another session for the message.
    assert line.retries(message) - before in {0, 3}
    assert len(line.user.all()) == {"create": 2, "delete": 0}.get(name, 1)


@pytest.mark.parametrize("name", NOT_IDEMPOTENT)
def test_message_after_the_end_of_its_session_is_sent_again(
    name: str, server: RestartablePostgres
) -> None:
    with (
        faulty_proxy(server.url) as (proxy, url),
        serve(make_settings(database_url=url, pool_size=1)) as base,
        User(base, f"user-{uuid4().hex}") as user,
    ):
        task = user.add()
        proxy.farewell = SHUTDOWN
        assert user.all() == [task]
        assert not proxy.farewell

        response = OPERATIONS[name](user, task["id"])

        assert response.is_success, response.text
        assert [task["completed"] for task in user.all()] == ([True] if name == "toggle" else [])


@pytest.mark.parametrize("setting", ["log_min_duration_statement = 0", "log_duration = on"])
@pytest.mark.parametrize("name", NOT_IDEMPOTENT)
def test_session_that_ends_after_its_commit_is_504(
    name: str, setting: str, line: Line, server: RestartablePostgres
) -> None:
    task = line.user.add()
    ask(server.url, f"ALTER SYSTEM SET {setting}")
    ask(server.url, "SELECT pg_reload_conf()")
    try:
        line.faulty_proxy.farewell = SHUTDOWN
        line.lose(1)
        response = NOT_IDEMPOTENT[name](line.user, task["id"])
    finally:
        ask(server.url, "ALTER SYSTEM RESET ALL")
        ask(server.url, "SELECT pg_reload_conf()")

    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    assert [found["completed"] for found in line.user.all()] == ([True] if name == "toggle" else [])


@pytest.mark.parametrize("name", NOT_IDEMPOTENT)
def test_lost_answer_to_a_write_that_is_not_repeatable_is_504(name: str, line: Line) -> None:
    task = line.user.add()
    before = line.retries(MESSAGES.get(name, name))
    line.lose(1)

    response = NOT_IDEMPOTENT[name](line.user, task["id"])

    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    assert line.retries(MESSAGES.get(name, name)) == before
    assert [found["completed"] for found in line.user.all()] == ([True] if name == "toggle" else [])


@pytest.mark.parametrize("path", ["", "/complete"])
def test_lost_answer_to_a_write_with_a_condition_is_504(path: str, line: Line) -> None:
    task = line.user.add()
    body = {"completed": True}
    before = line.retries("change")
    line.lose(1)

    response = line.user.patch(
        line.user.one(task["id"]) + path,
        json=body,
        headers={"If-Match": f'"{task["updated_at"]}"'},
    )

    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    assert line.retries("change") == before
    assert [found["completed"] for found in line.user.all()] == [True]


@pytest.mark.parametrize("name", READS)
def test_read_whose_answer_is_lost_twice_is_503(name: str, line: Line) -> None:
    task = line.user.add()
    line.lose(2)

    response = READS[name](line.user, task["id"])

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert line.user.all() == [task]


@pytest.mark.parametrize("name", CHANGES)
def test_write_whose_answer_is_lost_twice_is_504(name: str, line: Line) -> None:
    task = line.user.add()
    before = line.counted("tasks_api_db_unavailable_total", cause="lost")
    line.lose(2)

    response = IDEMPOTENT[name](line.user, task["id"])

    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    assert line.counted("tasks_api_db_unavailable_total", cause="lost") - before == 1


def test_write_that_was_lost_before_an_outage_is_504(
    server: RestartablePostgres,
) -> None:
    def lose_and_close(_: bytes) -> bool:
        proxy.refuse_connections = True
        return True

    with (
        faulty_proxy(server.url) as (proxy, url),
        serve(make_settings(database_url=url, connect_deadline_seconds=0.5)) as base,
        User(base, f"user-{uuid4().hex}") as user,
    ):
        user.add()
        proxy.drops_answer_to = lose_and_close
        response = user.post(user.tasks, json={"title": "new"})

    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")


@pytest.mark.parametrize("lost", [1, 2])
def test_a_clients_own_retry_with_its_key_leaves_one_row(lost: int, line: Line) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    line.user.add("warm")
    line.lose(lost)

    answers = [
        line.user.post(line.user.tasks, json={"title": "new"}, headers=key) for _ in range(2)
    ]

    assert [a.status_code for a in answers] == [201 if lost == 1 else 504, 201]
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert [task["title"] for task in line.user.all()] == ["new", "warm"]


def _requests(log: BinaryIO) -> list[dict[str, object]]:
    lines = map(json.loads, log.read().splitlines())
    return [line for line in lines if line["event"] == "request" and line["user_id"]]
