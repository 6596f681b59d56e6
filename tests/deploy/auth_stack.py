"""The Compose stack with profile ``auth``, and clients that signed up at its Better Auth."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx

from tests.support.auth.better_auth import local_url
from tests.support.command import free_port
from tests.support.database.embedded_postgres import readable_folder
from tests.support.http.client import check_response
from tests.support.stack.compose_stack import LIMITS, Stack, project_settings, require_engine

UP = ("--profile", "auth", "up", "--build", "--detach", "--wait", "auth", "api", "nginx")


@contextmanager
def composed_with_auth(**settings: str) -> Iterator[Stack]:
    """A stack started with ``--profile auth`` and default settings except its ports."""
    require_engine()
    with readable_folder() as data:
        (data / "limits.conf").write_text(LIMITS)
        stack = Stack(project_settings(data) | {"AUTH_PORT": f"{free_port()}"} | settings)
        try:
            stack.compose(*UP)
            stack.up()  # which fetches the certificate
            yield stack
        finally:
            stack.compose("--profile", "*", "down", "--volumes", "--timeout", "5")


def auth_url(stack: Stack) -> str:
    """The issuer's public URL."""
    return local_url(int(stack.settings["AUTH_PORT"]))


def caller(stack: Stack, token: str) -> httpx.Client:
    """A client of the stack that sends this token."""
    return httpx.Client(
        base_url=stack.base_url,
        headers={"Authorization": f"Bearer {token}"},
        event_hooks={"response": [check_response]},
        verify=stack.trust(),
    )
