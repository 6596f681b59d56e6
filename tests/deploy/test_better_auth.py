"""Better Auth and the API on one database: users and tokens."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.support.auth.better_auth import Account, BetterAuth, better_auth
from tests.support.auth.token_client import TokenClient
from tests.support.command import ROOT
from tests.support.database.pool import ask
from tests.support.database.temporary_database import temporary_database
from tests.support.http.client import token
from tests.support.http.operations import operations, user_ids_in
from tests.support.http.server import SECRET, make_settings, serve

OTHERS = ("ES256", "ES512", "RS256", "PS256")
COOKIES = {"keys": "EdDSA", "jwt": "HS256", "jwe": "dir", "compact": None}
MORE = str(ROOT / "tests" / "deploy" / "other_tokens.mjs")


def slow(*values: str) -> list[Any]:
    """The values, for ``make test-all`` alone."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def algorithm_of(cookie: str) -> object:
    """``alg`` in the header of a JWT or JWE; None for other cookies."""
    header, dot, _ = cookie.partition(".")
    padded = header + "=" * (-len(header) % 4)
    return json.loads(urlsafe_b64decode(padded))["alg"] if dot else None


@pytest.fixture(scope="module")
def own(database_url: str) -> Iterator[str]:
    """A database that the API and one Better Auth share."""
    with temporary_database(database_url) as url:
        yield url


@pytest.fixture(scope="module")
def service(own: str) -> Iterator[BetterAuth]:
    """Better Auth with its default settings."""
    with better_auth(own) as started:
        yield started


@pytest.fixture(scope="module")
def base(own: str, service: BetterAuth) -> Iterator[str]:
    """The base URL of an API that trusts the service."""
    with serve(make_settings(database_url=own, better_auth_url=service.url)) as url:
        yield url


@pytest.mark.parametrize("algorithm", ["EdDSA", *slow(*OTHERS)])
def test_a_token_allows_every_operation_on_its_own_users_tasks_only(
    algorithm: str, database_url: str
) -> None:
    with (
        temporary_database(database_url) as url,
        better_auth(url, JWT_ALGORITHM=algorithm) as service,
        serve(make_settings(database_url=url, better_auth_url=service.url)) as base,
        Account(service.url) as ann,
        Account(service.url) as bob,
        ann.api_client(base) as anns,
        bob.api_client(base) as bobs,
    ):
        assert jwt.get_unverified_header(ann.token())["alg"] == algorithm
        for operation in operations():
            task = operation.task_of(anns)
            done = operation.send(anns, ann.id, task)
            assert (done.status_code, user_ids_in(done) <= {ann.id}) == (operation.status, True)
            assert operation.send(bobs, ann.id, task).status_code == 403
            assert operation.send(anns, bob.id, task).status_code == 403

        bobs.add()
        ann.delete_account()
        assert anns.all() == []
        assert ask(url, "SELECT DISTINCT user_id FROM task") == [(bob.id,)]


def test_under_require_the_token_of_a_deleted_account_creates_no_user(
    own: str, service: BetterAuth
) -> None:
    settings = make_settings(
        database_url=own, better_auth_url=service.url, auth_user_provisioning="require"
    )
    with serve(settings) as base, Account(service.url) as ann, ann.api_client(base) as client:
        client.add()
        ann.delete_account()
        refused = client.post(client.tasks, json={"title": "again"})

    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert ask(own, f"""SELECT count(*) FROM "user" WHERE id = '{ann.id}'""") == [(0,)]


@pytest.mark.parametrize("by", ["keys", *slow("jwt", "jwe", "compact")])
def test_other_tokens_signed_by_better_auth_are_refused(by: str, own: str) -> None:
    with (
        better_auth(own, MORE, COOKIE_BY=by) as service,
        serve(make_settings(database_url=own, better_auth_url=service.url)) as base,
        Account(service.url) as ann,
        TokenClient(base, ann.id) as client,
    ):
        ann.client.get("/get-session")
        cached = ann.client.cookies["better-auth.session_data"]
        [sent] = service.events("sent")
        session = ann.client.cookies["better-auth.session_token"]

        assert algorithm_of(cached) == COOKIES[by]
        assert jwt.decode(sent["token"], SECRET, ["HS256"])["email"]
        assert client.outcome(ann.token()) == "ok"
        assert client.outcome(token(ann.id)) == "ok"
        for other in (cached, sent["token"], session):
            assert client.outcome(other) == "token_invalid"


@pytest.mark.slow
def test_a_revoked_session_still_gets_tokens_from_the_cookie_cache(
    own: str, service: BetterAuth
) -> None:
    with (
        better_auth(own, MORE, COOKIE_BY="compact") as caching,
        Account(caching.url) as ann,
        Account(service.url) as bob,
    ):
        ann.client.get("/get-session")
        ask(own, "DELETE FROM session")

        assert ann.token()
        assert bob.client.get("/token").status_code == 401


def test_a_token_of_another_user_is_user_mismatch(base: str, service: BetterAuth) -> None:
    with (
        Account(service.url) as ann,
        Account(service.url) as bob,
        TokenClient(base, ann.id) as client,
    ):
        assert client.outcome(bob.token()) == "user_mismatch"
