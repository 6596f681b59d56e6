"""Migrations beside other user tables: refused in one sentence, or ``AUTH_USER_TABLE=none``."""

from collections.abc import Iterator

import pytest

from tests.api.better_auth_tables import BETTER_AUTH
from tests.support.command import finished
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

MIGRATE = ".venv/bin/python", "-m", "api.migrations"
DONE = "The database has this release's schema."
WANTS_REQUIRE = (
    'The table "user" requires role, team, which only Better Auth fills in:'
    " set AUTH_USER_PROVISIONING=require."
)
ADVICE = "give the API a database of its own, or set AUTH_USER_TABLE=none."
OBJECTS = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
USERS = BETTER_AUTH.partition("CREATE TABLE session")[0]
# By case: the user table that was there first, and what the sentence says of it.
REFUSED = {
    "uuid": (
        USERS.replace("id text", "id uuid"),
        'The ids in "user" are of type uuid, but a user id is text: ',
    ),
    "serial": (
        USERS.replace("id text", "id serial"),
        'The ids in "user" are of type integer, but a user id is text: ',
    ),
    "bigint": (
        USERS.replace("id text", "id bigint"),
        'The ids in "user" are of type bigint, but a user id is text: ',
    ),
    "a renamed table": (
        USERS.replace('"user"', "users"),
        'Better Auth keeps its users in users, not in "user": ',
    ),
    "a renamed table and column": (
        USERS.replace('"user"', '"Member"').replace('"emailVerified"', "email_verified"),
        'Better Auth keeps its users in "Member", not in "user": ',
    ),
    "a renamed column": (
        USERS.replace('"emailVerified"', "email_verified"),
        'The table "user" has no column emailVerified: ',
    ),
    "another application's table": (
        'CREATE TABLE "user" (id text PRIMARY KEY, login text)',
        'The table "user" has no column name, email, emailVerified: ',
    ),
}


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """A new database."""
    with empty_database(database_url) as url:
        yield url


def migrated(url: str, **settings: str) -> tuple[int | None, list[str]]:
    """The exit code of ``python -m api.migrations`` and its lines, without those that name the
    database and count connections.
    """
    with finished(*MIGRATE, settings={"DATABASE_URL": url, **settings}) as done:
        return done.process.returncode, done.error_lines()[2:]


@pytest.mark.parametrize("case", REFUSED)
def test_a_user_table_that_tasks_cannot_refer_to_is_refused(case: str, empty: str) -> None:
    tables, found = REFUSED[case]
    ask(empty, tables)
    before = ask(empty, OBJECTS)

    with pytest.raises(SystemExit) as refusal:
        migrate(empty)

    assert str(refusal.value) == found + ADVICE
    assert ask(empty, OBJECTS) == before


@pytest.mark.parametrize("case", REFUSED)
def test_without_a_user_table_the_api_runs_beside_any(case: str, empty: str) -> None:
    ask(empty, REFUSED[case][0])
    before = ask(empty, OBJECTS)

    migrate(empty, "none")
    settings = make_settings(database_url=empty, auth_user_table="none")
    with serve(settings) as base, User(base, "ann") as ann, User(base, "bob") as bob:
        task = ann.add()
        assert (ann.all(), bob.all()) == ([task], [])
        assert ann.delete(ann.one(task["id"])).status_code == 200
    added = {name for (name,) in set(ask(empty, OBJECTS)) - set(before)}
    assert all(name.startswith("task") for name in added)


def test_without_a_user_table_none_is_created(empty: str) -> None:
    assert migrated(empty, AUTH_USER_TABLE="none") == (0, [DONE])

    assert ask(empty, """SELECT to_regclass('"user"')""") == [(None,)]
    assert ask(empty, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == [(0,)]


def test_the_foreign_keys_follow_the_setting(database_url: str, empty: str) -> None:
    foreign_keys = "SELECT conname, confdeltype FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
    migrate(empty)
    before = ask(empty, foreign_keys)

    migrate(empty, "none")
    assert ask(empty, foreign_keys) == []
    migrate(empty)

    assert ask(empty, foreign_keys) == before
    assert ("task_user_id_fkey", "c") in before


def test_users_that_are_missing_keep_the_foreign_key_from_coming_back(empty: str) -> None:
    migrate(empty, "none")
    settings = make_settings(database_url=empty, auth_user_table="none")
    with serve(settings) as base, User(base, "ann") as ann:
        ann.add()

    with pytest.raises(SystemExit, match="violates foreign key constraint"):
        migrate(empty)


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            {},
            [WANTS_REQUIRE, DONE],
        ),
        ({"AUTH_USER_PROVISIONING": "require"}, [DONE]),
    ],
    ids=["jit", "require"],
)
def test_a_user_table_with_further_required_columns_wants_require(
    settings: dict[str, str], lines: list[str], empty: str
) -> None:
    more = "image text, role text NOT NULL, team text NOT NULL, plan text NOT NULL DEFAULT 'free'"
    ask(empty, USERS.replace("image text", more))

    assert migrated(empty, **settings) == (0, lines)


def test_a_second_table_with_better_auths_columns_is_mentioned(empty: str) -> None:
    migrate(empty)
    ask(empty, REFUSED["a renamed table"][0])
    sentence = (
        'Tasks refer to "user", but users has Better Auth\'s columns too: if Better Auth'
        " keeps its users there, set AUTH_USER_TABLE=none."
    )

    assert migrated(empty) == (0, [sentence, DONE])
    assert migrated(empty, AUTH_USER_TABLE="none") == (0, [DONE])


def test_require_without_a_user_table_is_refused() -> None:
    settings = {"AUTH_USER_PROVISIONING": "require", "AUTH_USER_TABLE": "none"}
    with finished(*MIGRATE, settings=settings) as done:
        assert done.error_lines() == ["AUTH_USER_PROVISIONING=require needs AUTH_USER_TABLE=user"]
