"""Keys of a real Better Auth: creation, rotation, outage, and version 1.2."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copy

import httpx2 as httpx
import pytest

from tests.support.auth.better_auth import SERVICE, Account, BetterAuth, better_auth
from tests.support.auth.token_client import TokenClient
from tests.support.command import ROOT
from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.temporary_database import empty_database, migrate, temporary_database
from tests.support.http.server import make_settings, serve

PEOPLE = 6
OLDEST = ROOT / "tests" / "deploy" / "better-auth-1.2"
ROTATION_SECONDS = 2
LOAD_SECONDS = 20


@contextmanager
def trusted(url: str, service: BetterAuth) -> Iterator[str]:
    """The base URL of an API that trusts only this service."""
    settings = make_settings(database_url=url, better_auth_url=service.url, better_auth_secret=None)
    with serve(settings) as base:
        yield base


def published(service: BetterAuth) -> int:
    """The number of published keys."""
    return len(httpx.get(f"{service.url}/api/auth/jwks").json()["keys"])


@pytest.fixture
def own(database_url: str) -> Iterator[str]:
    """A database that the API and one Better Auth share."""
    with temporary_database(database_url) as url:
        yield url


@pytest.mark.slow
def test_first_tokens_minted_concurrently_are_all_accepted(own: str) -> None:
    with better_auth(own) as service, trusted(own, service) as base, ExitStack() as signed_in:
        people = [signed_in.enter_context(Account(service.url)) for _ in range(PEOPLE)]
        with ThreadPoolExecutor(PEOPLE) as pool:
            tokens = [*pool.map(Account.token, people)]
        for person, token in zip(people, tokens, strict=True):
            with TokenClient(base, person.id) as client:
                assert client.outcome(token) == "ok"


def test_known_keys_are_accepted_during_and_after_an_outage(own: str) -> None:
    with (
        better_auth(own) as service,
        Account(service.url) as ann,
        trusted(own, service) as base,
        TokenClient(base, ann.id) as client,
    ):
        token = ann.token()
        assert client.outcome(token) == "ok"
        assert service.command.stop(signal.SIGTERM) == 0
        assert [client.outcome(token) for _ in range(20)] == ["ok"] * 20

        with better_auth(own, port=service.port):
            assert client.outcome(ann.token()) == "ok"


@pytest.mark.slow
def test_rotation_every_two_seconds_under_load_refuses_no_good_token(own: str) -> None:
    codes: Counter[str] = Counter()
    over = threading.Event()

    def load(person: Account, base: str) -> None:
        with TokenClient(base, person.id) as client:
            first = person.token()
            while not over.wait(0.01):
                codes.update(map(client.outcome, (person.token(), first)))

    with (
        better_auth(own, JWT_ROTATION_SECONDS=f"{ROTATION_SECONDS}") as service,
        trusted(own, service) as base,
        ExitStack() as signed_in,
        ThreadPoolExecutor(PEOPLE) as pool,
    ):
        people = [signed_in.enter_context(Account(service.url)) for _ in range(PEOPLE)]
        running = [pool.submit(load, person, base) for person in people]
        time.sleep(LOAD_SECONDS)
        over.set()
        assert [each.result() for each in running] == [None] * PEOPLE
        assert published(service) >= LOAD_SECONDS / ROTATION_SECONDS / 2

    assert codes.keys() == {"ok"}
    assert codes["ok"] > 200


@pytest.mark.slow
@pytest.mark.parametrize("api_first", [True, False], ids=["API first", "Better Auth first"])
def test_tokens_of_version_1_2_are_accepted(api_first: bool, database_url: str) -> None:  # noqa: FBT001
    with readable_folder() as path, empty_database(database_url) as url:
        furnish(path)
        if api_first:
            migrate(url)
        with better_auth(url, folder=path) as service, Account(service.url) as ann:
            migrate(url)
            token = ann.token()  # here the first token makes the first key, and nothing before
            with trusted(url, service) as base, TokenClient(base, ann.id) as client:
                assert client.outcome(token) == "ok"


def furnish(path: Path) -> None:
    """Copy the service into the folder, with the packages of version 1.2."""
    for source in (*OLDEST.glob("package*.json"), OLDEST / ".npmrc", SERVICE / "auth.js"):
        copy(source, path)
    text = (SERVICE / "server.js").read_text()
    assert '"better-auth/db/migration"' in text
    (path / "server.js").write_text(text.replace("better-auth/db/migration", "better-auth/db"))
