"""The answers to errors of the database."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import psycopg2
import pytest
import uvloop

from api.problems.catalogue import DatabaseUnavailable, Overloaded
from tests.support.database.pool import TERMINATE, ask, backend, opened_database, sleep
from tests.support.database.temporary_database import empty_database, temporary_database
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve


@pytest.fixture
def own(database_url: str) -> Iterator[str]:
    """A database that the test may break."""
    with temporary_database(database_url) as url:
        yield url


@pytest.fixture
def carol(own: str) -> Iterator[User]:
    """A user of the API on that database."""
    with serve(make_settings(database_url=own)) as base, User(base, "carol") as user:
        yield user


def test_a_statement_over_its_time_is_given_up_and_the_connection_stays(database_url: str) -> None:
    async def work() -> None:
        async with opened_database(
            database_url, statement_timeout_seconds=0.5, pool_size=1
        ) as database:
            before = await backend(database)
            with pytest.raises(DatabaseUnavailable) as caught:
                await database.run(sleep(10, writes=True), "alice")

            assert caught.value.reason == "statement_timeout"
            assert database.failures == 0
            assert await backend(database) == before

    uvloop.run(work())


def test_no_free_connection_is_an_overload(database_url: str) -> None:
    async def work() -> None:
        async with opened_database(database_url, pool_size=1, pool_wait_seconds=0.1) as database:
            busy = asyncio.ensure_future(database.run(sleep(1), "alice"))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await backend(database)
            await busy

            assert await backend(database) > 0

    uvloop.run(work())


def test_read_only_database_is_200_for_reads_and_503_for_writes(own: str, carol: User) -> None:
    task = carol.add()
    ask(own, "ALTER DATABASE " + own.rpartition("/")[2] + " SET default_transaction_read_only = on")
    ask(own, TERMINATE)
    one = carol.one(task["id"])

    refused = [
        carol.post(carol.tasks, json={"title": "another"}),
        carol.put(one, json={"title": "another"}),
        carol.patch(f"{one}/complete"),
        carol.delete(one),
    ]

    for response in refused:
        assert (response.status_code, response.json()["code"]) == (503, "read_only")
        assert response.headers["retry-after"] == "5"
    assert carol.all() == [task]
    assert carol.get(one).json() == task


def test_database_without_the_schema_is_schema_outdated(database_url: str) -> None:
    with (
        empty_database(database_url) as url,
        serve(make_settings(database_url=url)) as base,
        User(base, "carol") as carol,
    ):
        for response in carol.get(carol.tasks), carol.post(carol.tasks, json={"title": "a"}):
            assert (response.status_code, response.json()["code"]) == (503, "schema_outdated")
            assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE task DROP COLUMN request_hash",
        "REVOKE INSERT ON task FROM task_api",
        "REVOKE USAGE ON SCHEMA public FROM task_api, public",
        'DROP TABLE "user" CASCADE',
    ],
)
def test_older_schema_is_schema_outdated(damage: str, own: str, carol: User) -> None:
    carol.add()
    ask(own, damage)

    response = carol.post(carol.tasks, json={"title": "a"})

    assert (response.status_code, response.json()["code"]) == (503, "schema_outdated")


def test_under_require_only_known_users_create(database_url: str) -> None:
    settings = make_settings(database_url=database_url, auth_user_provisioning="require")
    name = f"user-{uuid4().hex}"
    with serve(settings) as base, User(base, name) as carol:
        refused = carol.post(carol.tasks, json={"title": "a"})
        ask(
            database_url,
            f"""INSERT INTO "user" (id, name, email, "emailVerified")
            VALUES ('{name}', 'Carol', '{name}@example.com', true)""",
        )
        made = carol.post(carol.tasks, json={"title": "a"})

    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert made.status_code == 201


def test_refused_login_is_503_without_details(database_url: str) -> None:
    wrong = database_url.replace("postgres:", "postgres:wrong-", 1)
    with pytest.raises(psycopg2.OperationalError):
        ask(wrong, "SELECT 1")

    with serve(make_settings(database_url=wrong)) as base, User(base, "carol") as carol:
        response = carol.get(carol.tasks)

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert "password" not in response.text
