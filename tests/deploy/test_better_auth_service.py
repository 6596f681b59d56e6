"""The Better Auth service as a program: tables, database and required settings."""

import socket

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
    """All columns, after both have migrated in this order and one task was created."""
    if api_first:
        migrate(url)
    with better_auth(url):
        migrate(url)
    with (
        better_auth(url) as service,
        serve(make_settings(database_url=url, better_auth_url=service.url)) as base,
        Account(service.url) as ann,
        ann.api_client(base) as client,
    ):
        assert client.add()["user_id"] == ann.id
    return ask(url, COLUMNS)


@pytest.mark.slow
def test_a_request_that_cannot_be_handled_is_400_and_ends_nothing(database_url: str) -> None:
    with temporary_database(database_url) as url, better_auth(url) as service:
        port = int(service.url.rpartition(":")[2])
        for sent in (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: [\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(sent)
                assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        with Account(service.url) as ann:
            assert ann.id


@pytest.mark.slow
def test_the_api_or_better_auth_may_create_the_tables_first(database_url: str) -> None:
    with empty_database(database_url) as one, empty_database(database_url) as other:
        made = columns(one, api_first=True)
        assert {row[0] for row in made} >= {"task", "user", "session", "account", "jwks"}
        assert made == columns(other, api_first=False)


def test_users_created_by_the_api_survive_the_first_start(database_url: str) -> None:
    with (
        temporary_database(database_url) as url,
        serve(make_settings(database_url=url)) as base,
        User(base, "carl") as carl,
    ):
        task = carl.add()
        with better_auth(url) as service, Account(service.url) as ann:
            assert carl.all() == [task]
            assert {row[0] for row in ask(url, 'SELECT id FROM "user"')} == {"carl", ann.id}


def test_the_service_survives_terminated_connections(database_url: str) -> None:
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
def test_a_missing_or_invalid_setting_ends_the_start(
    settings: dict[str, str], sentence: str
) -> None:
    with finished("node", "server.js", cwd=with_packages(SERVICE), settings=settings) as command:
        assert (command.process.returncode, command.error_lines()) == (1, [sentence])
