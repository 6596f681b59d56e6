"""The Better Auth service of deploy/better-auth, and accounts that sign up with it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx2 as httpx

from tests.support.auth.token_client import TokenClient
from tests.support.command import ROOT, Command, free_port, running
from tests.support.frontend.node import with_packages
from tests.support.http.server import SECRET
from tests.support.waiting import wait_until

SERVICE = ROOT / "deploy" / "better-auth"
PASSWORD = "correct horse"
TOO_MANY = httpx.codes.TOO_MANY_REQUESTS


class Account:
    """A Better Auth account with a session; ``id`` is the user id."""

    def __init__(self, url: str, **members: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/api/auth", headers={"Origin": url}, timeout=30)
        account = {
            "name": "Ann",
            "email": f"{uuid4().hex}@example.com",
            "password": PASSWORD,
            **members,
        }
        try:
            self.id = str(self.post("/sign-up/email", account)["user"]["id"])
        except BaseException:
            self.client.close()
            raise

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The document that Better Auth answers, once it is not too much for it."""
        while (response := self.client.post(path, json=body)).status_code == TOO_MANY:
            time.sleep(int(response.headers["x-retry-after"]))
        assert response.status_code == 200, response.text
        return response.json()

    def token(self) -> str:
        """A new access token."""
        response = self.client.get("/token")
        assert response.status_code == 200, response.text
        return str(response.json()["token"])

    def api_client(self, base_url: str) -> TokenClient:
        """A client of the API that sends this account's token."""
        client = TokenClient(base_url, self.id)
        client.headers["Authorization"] = f"Bearer {self.token()}"
        return client

    def delete_account(self) -> None:
        """Delete the account."""
        self.post("/delete-user", {"password": PASSWORD})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()


@dataclass(frozen=True)
class BetterAuth:
    """A running service."""

    command: Command
    port: int

    @property
    def url(self) -> str:
        """Its public URL, which is issuer and audience."""
        return local_url(self.port)

    def events(self, name: str) -> list[Any]:
        """The lines of its log that tell of this."""
        lines = [json.loads(line) for line in self.command.output.splitlines()]
        return [line for line in lines if line["event"] == name]


def local_url(port: int) -> str:
    """The public URL of a service on this port."""
    return f"http://localhost:{port}"


@contextmanager
def better_auth(
    database_url: str,
    program: str = "server.js",
    folder: Path = SERVICE,
    port: int | None = None,
    **settings: str,
) -> Iterator[BetterAuth]:
    """The service on this database, once it answers."""
    port = port or free_port()
    given = {"PORT": f"{port}", "BETTER_AUTH_URL": local_url(port), "DATABASE_URL": database_url}
    secret = {"BETTER_AUTH_SECRET": SECRET}
    words = ("node", program)
    with running(*words, cwd=with_packages(folder), settings=given | secret | settings) as command:
        service = BetterAuth(command, port)
        wait_until(lambda: bool(service.events("started")) or command.process.poll() is not None)
        assert command.process.poll() is None, command.output + command.errors
        yield service
