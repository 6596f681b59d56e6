"""A client that sends a given token with each request, and an API that trusts an issuer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.support.auth.issuer import Issuer
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

INVALID = 'Bearer realm="tasks", error="invalid_token", error_description='
# The status, the challenge and the pause that go with a code.
REFUSALS: dict[str, tuple[int, str | None, str | None]] = {
    "token_invalid": (401, f'{INVALID}"The access token is invalid"', None),
    "token_expired": (401, f'{INVALID}"The access token expired"', None),
    "user_mismatch": (403, None, None),
    "keys_unavailable": (503, None, "2"),
}


class TokenClient(User):
    """A client without a token of its own."""

    def __init__(self, base_url: str, user_id: str) -> None:
        super().__init__(base_url, user_id)
        del self.headers["Authorization"]

    def ask(self, token: str) -> httpx.Response:
        """The answer to a list that this token asks for."""
        return self.get(self.tasks, headers={"Authorization": f"Bearer {token}"})

    def outcome(self, token: str) -> str:
        """``ok``, or the code of a refusal, of which all the rest must fit."""
        response = self.ask(token)
        if response.status_code == 200:
            return "ok"
        code: str = response.json()["code"]
        told = (response.headers.get(name) for name in ("www-authenticate", "retry-after"))
        assert (response.status_code, *told) == REFUSALS[code]
        return code


@contextmanager
def api_trusting(
    issuer: Issuer, database_url: str, user_id: str | None = None, **settings: Any
) -> Iterator[TokenClient]:
    """A client of an API that accepts only this issuer's tokens, unless the settings differ."""
    usual = {"better_auth_url": issuer.url, "better_auth_secret": None}
    with (
        serve(make_settings(database_url=database_url, **(usual | settings))) as base_url,
        TokenClient(base_url, user_id or f"user-{uuid4().hex}") as client,
    ):
        yield client
