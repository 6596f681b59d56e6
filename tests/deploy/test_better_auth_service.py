"""The stack's own Better Auth as a program: its tables, its database, and what it demands."""

import pytest

from tests.support.auth.better_auth import SERVICE, Account, better_auth
from tests.support.command import finished
from tests.support.database.pool import ask
from tests.support.database.temporary_database import empty_database, migrate, temporary_database
from tests.support.frontend.node import with_packages
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position
"""
END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def columns(url: str, *, api_first: bool) -> list[tuple[object, ...]]:
    """The tables, once both have made theirs in this order and somebody has used them."""
    if api_first:
        migrate(url)
    with better_auth(url):
        migrate(url)
    with (
        better_auth(url) as service,
        serve(make_settings(database_url=url, better_auth_url=service.url)) as base,
        Account(service.url) as ann,
        ann.api_client(base) as guest,
    ):
        assert guest.add()["user_id"] == ann.id
    return ask(url, COLUMNS)


@pytest.mark.slow
def test_either_may_make_the_tables(database_url: str) -> None:
    with empty_database(database_url) as one, empty_database(database_url) as other:
        made = columns(one, api_first=True)
        assert {row[0] for row in made} >= {"task", "user", "session", "account", "jwks"}
        assert made == columns(other, api_first=False)


def test_users_whom_the_api_made_before_its_first_start_stay(database_url: str) -> None:
    with (
        temporary_database(database_url) as url,
        serve(make_settings(database_url=url)) as base,
        User(base, "carl") as carl,
    ):
        task = carl.add()
        with better_auth(url) as service, Account(service.url) as ann:
            assert carl.all() == [task]
            assert {row[0] for row in ask(url, 'SELECT id FROM "user"')} == {"carl", ann.id}


def test_it_outlives_connections_that_end(database_url: str) -> None:
    with empty_database(database_url) as url, better_auth(url) as service:
        with Account(service.url) as ann:
            ask(url, END_ALL)
            assert ann.token()
        assert service.events("database_connection_lost")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "DATABASE_URL or DATABASE_URL_FILE must be set."),
        (
            {"DATABASE_URL": "postgres://h/d"},
            "BETTER_AUTH_SECRET or BETTER_AUTH_SECRET_FILE must be set.",
        ),
        (
            {"JWT_ALGORITHM": "HS256"},
            "JWT_ALGORITHM must be one of EdDSA, ES256, ES512, RS256, PS256.",
        ),
        ({"JWT_ROTATION_SECONDS": "7d"}, "JWT_ROTATION_SECONDS must be a number of seconds."),
    ],
)
def test_what_it_must_know_it_demands(settings: dict[str, str], sentence: str) -> None:
    with finished("node", "server.js", cwd=with_packages(SERVICE), settings=settings) as command:
        assert (command.process.returncode, command.error_lines()) == (1, [sentence])
