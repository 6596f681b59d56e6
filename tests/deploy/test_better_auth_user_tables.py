"""Better Auth with user tables of other shapes, before and after the API's first migration."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from tests.support.auth.better_auth import Account, BetterAuth, better_auth
from tests.support.command import ROOT, finished
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

PROGRAM = str(ROOT / "tests" / "deploy" / "user_tables.mjs")
MIGRATE = ".venv/bin/python", "-m", "api.migrations"
API_FIRST, BETTER_AUTH_FIRST = "API first", "Better Auth first"
DONE = "The database has this release's schema."


class Shared(NamedTuple):
    """What comes of a shape: what ``make migrate`` says, and the status for an unknown user."""

    said: str
    stranger: int


SHARED = {
    ("required field", API_FIRST): Shared("requires role, which", 403),
    ("required field", BETTER_AUTH_FIRST): Shared("requires role, which", 403),
    ("default value", API_FIRST): Shared("", 201),  # it adds the column with a default
    ("default value", BETTER_AUTH_FIRST): Shared("requires plan, which", 403),
    ("optional field", API_FIRST): Shared("", 201),
    ("optional field", BETTER_AUTH_FIRST): Shared("", 201),
    ("renamed model", API_FIRST): Shared("but users has Better Auth's columns too", 201),
}
REFUSED = {
    "uuid": 'The ids in "user" are of type uuid,',
    "serial": 'The ids in "user" are of type integer,',
    "renamed model": "Better Auth keeps its users in users,",
    "renamed field": 'The table "user" has no column emailVerified:',
}


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """A new database."""
    with empty_database(database_url) as url:
        yield url


def migrated(url: str, **settings: str) -> tuple[int | None, str]:
    """The exit code of a migration and its lines after the two about the database."""
    with finished(*MIGRATE, settings={"DATABASE_URL": url, **settings}) as done:
        return done.process.returncode, "\n".join(done.error_lines()[2:])


@contextmanager
def api_of(url: str, service: BetterAuth, **settings: Any) -> Iterator[str]:
    """The base URL of an API on this database that trusts this service."""
    with serve(make_settings(database_url=url, better_auth_url=service.url, **settings)) as base:
        yield base


def status_for_unknown_user(base: str) -> int:
    """The status of a create by a user whom Better Auth does not know."""
    with User(base, "stranger") as stranger:
        return stranger.post(stranger.tasks, json={"title": "a"}).status_code


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "order"), [*SHARED])
def test_users_of_a_shared_table_create_tasks(shape: str, order: str, empty: str) -> None:
    expected = SHARED[shape, order]
    if order == API_FIRST:
        assert migrated(empty) == (0, DONE)
    with better_auth(empty, PROGRAM, SHAPE=shape) as service:
        code, said = migrated(empty)
        with Account(service.url, role="member") as ann:
            with api_of(empty, service) as base, ann.api_client(base) as anns:
                assert anns.add()["user_id"] == ann.id
                assert status_for_unknown_user(base) == expected.stranger
            with api_of(empty, service, auth_user_provisioning="require") as base:
                with ann.api_client(base) as anns:
                    anns.add()
                if expected.stranger == 403:
                    assert status_for_unknown_user(base) == 401
            ann.delete_account()

    assert (code, said.endswith(DONE)) == (0, True)
    assert expected.said in said
    assert bool(expected.said) == (said != DONE)
    left = ask(empty, f"SELECT count(*) FROM task WHERE user_id = '{ann.id}'")
    assert (left == [(0,)]) == (shape != "renamed model")


@pytest.mark.parametrize(
    "shape", ["uuid", *(pytest.param(s, marks=pytest.mark.slow) for s in REFUSED if s != "uuid")]
)
def test_a_table_that_tasks_cannot_refer_to_is_refused_and_then_not_needed(
    shape: str, empty: str
) -> None:
    with better_auth(empty, PROGRAM, SHAPE=shape) as service:
        code, said = migrated(empty)
        assert (code, said.startswith(REFUSED[shape])) == (1, True), said
        assert ask(empty, "SELECT to_regclass('task')") == [(None,)]

        assert migrated(empty, AUTH_USER_TABLE="none") == (0, DONE)
        with (
            Account(service.url) as ann,
            api_of(empty, service, auth_user_table="none") as base,
            ann.api_client(base) as anns,
        ):
            assert anns.add()["user_id"] == ann.id


@pytest.mark.slow
@pytest.mark.parametrize("shape", REFUSED)
def test_without_a_user_table_the_api_may_migrate_first(shape: str, empty: str) -> None:
    assert migrated(empty, AUTH_USER_TABLE="none") == (0, DONE)
    with (
        better_auth(empty, PROGRAM, SHAPE=shape) as service,
        Account(service.url) as ann,
        api_of(empty, service, auth_user_table="none") as base,
        ann.api_client(base) as anns,
    ):
        assert anns.add()["user_id"] == ann.id


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["uuid", "serial"])
def test_better_auth_itself_refuses_text_ids_that_the_api_created(shape: str, empty: str) -> None:
    assert migrated(empty) == (0, DONE)

    with (
        pytest.raises(AssertionError, match=r"session_userId_fkey.* cannot be implemented"),
        better_auth(empty, PROGRAM, SHAPE=shape),
    ):
        pass


@pytest.mark.slow
def test_better_auth_cannot_sign_up_by_renamed_fields_in_a_table_of_the_api(empty: str) -> None:
    assert migrated(empty) == (0, DONE)

    with (
        better_auth(empty, PROGRAM, SHAPE="renamed field") as service,
        pytest.raises(AssertionError),
    ):
        Account(service.url)
