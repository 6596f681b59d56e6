"""``make token`` prints an HS256 token for local use and nothing else."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.api.auth.verifier import verifier
from tests.support.command import Command, data_directory, finished
from tests.support.http.server import SECRET


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory."""
    with data_directory() as path:
        yield path


def made(data: Path, *words: str, **settings: str) -> AbstractContextManager[Command]:
    """``make token`` with this data directory."""
    usual = {"DATA_DIR": str(data / "new")}
    return finished("make", "token", *(words or ("SUB=alice",)), settings=usual | settings)


def printed(data: Path, *words: str, **settings: str) -> str:
    """The token that the command prints."""
    with made(data, *words, **settings) as command:
        assert command.process.returncode == 0, command.errors
        assert command.errors == ""
        token, rest = command.output.split("\n")
        assert rest == ""
        return token


def user_id(token: str, secret: str, **settings: Any) -> str:
    """The user id that the API reads from the token."""
    checks = verifier(better_auth_secret=secret, **settings)
    header = (b"authorization", f"Bearer {token}".encode())
    return asyncio.run(checks.user_id([header]))


def claims(token: str) -> dict[str, Any]:
    """The claims of the token."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_the_token_is_accepted_with_the_secret_given(data: Path) -> None:
    token = printed(data, BETTER_AUTH_SECRET=SECRET)

    assert user_id(token, SECRET) == "alice"
    assert not (data / "new").exists()


@pytest.mark.parametrize("user", ["alice", "o'brien", "two words", "ünï", "a/b", "-x"])
def test_sub_names_the_user_of_the_token(user: str, data: Path) -> None:
    token = printed(data, f"SUB={user}", BETTER_AUTH_SECRET=SECRET)

    assert user_id(token, SECRET) == user


def test_a_missing_secret_is_generated_with_mode_0600(data: Path) -> None:
    first, second = printed(data), printed(data, "SUB=bob")
    file = data / "new" / "secret"

    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().strip()) >= 32
    assert user_id(first, file.read_text().strip()) == "alice"
    assert user_id(second, file.read_text().strip()) == "bob"


def test_an_empty_secret_file_is_replaced(data: Path) -> None:
    (data / "new").mkdir()
    (data / "new" / "secret").touch(0o600)

    token = printed(data)

    assert user_id(token, (data / "new" / "secret").read_text().strip()) == "alice"


def test_the_secret_can_be_read_from_a_file(data: Path) -> None:
    (data / "mine").write_text(SECRET + "\n")

    token = printed(data, BETTER_AUTH_SECRET_FILE=str(data / "mine"))

    assert user_id(token, SECRET) == "alice"


def test_the_token_expires_after_an_hour(data: Path) -> None:
    found = claims(printed(data, BETTER_AUTH_SECRET=SECRET))

    assert found["exp"] - found["iat"] == 3600
    assert abs(found["iat"] - time.time()) < 60
    assert {"iss", "aud"} & found.keys() == set()


def test_the_token_expires_after_the_minutes_that_make_is_told(data: Path) -> None:
    found = claims(printed(data, "SUB=alice", "MINUTES=1440", BETTER_AUTH_SECRET=SECRET))

    assert found["exp"] - found["iat"] == 86_400


ISSUERS = {
    "one address": (
        {"BETTER_AUTH_URL": "https://App.example.com/api/auth"},
        "https://app.example.com",
    ),
    "lists": ({"AUTH_ISSUER": "https://a,b", "AUTH_AUDIENCE": "https://a,c"}, "https://a"),
}


@pytest.mark.parametrize("kind", ISSUERS)
def test_issuer_and_audience_are_those_configured(kind: str, data: Path) -> None:
    settings, expected = ISSUERS[kind]

    token = printed(data, BETTER_AUTH_SECRET=SECRET, **settings)

    found = claims(token)
    assert (found["iss"], found["aud"]) == (expected, expected)
    required = {"auth_issuer": expected, "auth_audience": expected}
    assert user_id(token, SECRET, **required) == "alice"


def test_production_refuses_to_mint_tokens(data: Path) -> None:
    with made(data, ENVIRONMENT="production", BETTER_AUTH_SECRET=SECRET) as command:
        assert command.process.returncode == 2
        assert command.output == ""
        assert command.error_lines() == [
            "ENVIRONMENT is production: tokens come from Better Auth alone."
        ]
    assert not (data / "new").exists()


@pytest.mark.parametrize("words", ["SUB=", "NAME=alice"])
def test_a_token_requires_a_user_id(words: str, data: Path) -> None:
    with made(data, words) as command:
        assert command.process.returncode == 2
        assert command.output == ""
        assert len(command.error_lines()) == 1, command.errors
        assert "make token SUB=alice" in command.error_lines()[0]
