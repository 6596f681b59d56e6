"""Compose profile ``auth``: its services, and the issuer that the API then trusts."""

import json
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.auth.better_auth import Account, better_auth, local_url
from tests.support.command import free_port
from tests.support.database.temporary_database import temporary_database
from tests.support.documents import block
from tests.support.stack.compose_stack import Stack, project_settings, require_engine, running_stack

pytestmark = pytest.mark.slow

REMOTE = "postgres://a:b@db.example/tasks"
PROFILE = block("api/auth/README.md", "COMPOSE_PROFILES=")
OWN_KEYS = "http://auth:3000/api/auth/jwks"


@pytest.mark.parametrize("url", ["", REMOTE], ids=["no url", "a url"])
def test_profile_auth_adds_the_service_with_or_without_the_local_database(
    url: str, tmp_path: Path
) -> None:
    require_engine()
    stack = Stack(project_settings(tmp_path) | {"DATABASE_URL": url})

    told = Stack({**stack.settings, **dict([PROFILE.strip().split("=")])})

    plain, flagged, set_ = (
        {*each.compose(*flag, "config", "--services").split()}
        for each, flag in ((stack, ()), (stack, ("--profile", "auth")), (told, ()))
    )

    assert flagged - plain == {"auth"}
    assert set_ == flagged
    assert ("db" in flagged) == (not url)


@pytest.mark.parametrize(
    ("settings", "issuer", "keys"),
    [
        ({}, "http://localhost:3000", OWN_KEYS),
        ({"AUTH_PORT": "3005"}, "http://localhost:3005", OWN_KEYS),
        ({"BETTER_AUTH_JWKS_URL": "http://k/jwks"}, "http://localhost:3000", "http://k/jwks"),
        ({"BETTER_AUTH_URL": "https://a.example"}, "https://a.example", ""),
        ({"BETTER_AUTH_URL": ""}, "", ""),
        ({"ENVIRONMENT": "production"}, "", ""),
    ],
)
def test_issuer_and_jwks_url_of_the_api_follow_the_settings(
    settings: dict[str, str], issuer: str, keys: str, tmp_path: Path
) -> None:
    require_engine()
    told = Stack(project_settings(tmp_path) | settings).compose("config", "--format", "json")
    environment = json.loads(told)["services"]["api"]["environment"]

    assert environment["BETTER_AUTH_URL"] == issuer
    assert environment["BETTER_AUTH_JWKS_URL"] == keys


def test_the_stack_can_reach_an_issuer_on_the_host(database_url: str) -> None:
    port = free_port()
    url, keys = local_url(port), f"http://host.docker.internal:{port}/api/auth/jwks"
    with (
        temporary_database(database_url) as own,
        better_auth(own, port=port, HOST="0.0.0.0"),
        running_stack(BETTER_AUTH_URL=url, BETTER_AUTH_JWKS_URL=keys) as stack,
        Account(url) as ann,
    ):
        answer = httpx.get(
            f"{stack.base_url}/api/{ann.id}/tasks",
            headers={"Authorization": f"Bearer {ann.token()}"},
            verify=stack.trust(),
        )
    assert (answer.status_code, answer.json()) == (200, [])
