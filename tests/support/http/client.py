"""An API user whose HTTP client checks the invariants of every answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2 as httpx
import jwt

from tests.support.http.server import SECRET, make_settings, serve

HOUR = 3600
LEAKS = ("Traceback", "psycopg2", "sqlalchemy", "pydantic", "SELECT ", "site-packages")
MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def token(subject: object, *, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as a front end signs it; ``claims`` add to or replace the usual ones."""
    now = int(time.time())
    payload = {"sub": subject, "iat": now, "exp": now + HOUR, **claims}
    return jwt.encode(payload, secret, algorithm)


def check_response(response: httpx.Response) -> None:
    """Check the headers of every answer, and the one shape of every error."""
    response.read()
    assert response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not any(word in response.text for word in LEAKS), response.text
    failed = response.status_code >= 400
    caching = response.headers["cache-control"]
    assert caching == ("no-store" if failed else "private, no-cache")
    if failed and response.request.method != "HEAD":
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert set(problem) - {"errors"} == MEMBERS
        assert problem["status"] == response.status_code
        assert problem["request_id"] == response.headers["x-request-id"]
        assert isinstance(problem["detail"], str)


class User(httpx.Client):
    """A signed-in user: ``tasks`` is the path of the user's own collection."""

    def __init__(self, base_url: str, user_id: str) -> None:
        super().__init__(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token(user_id)}"},
            event_hooks={"response": [check_response]},
            timeout=30,
        )
        self.user_id = user_id
        self.tasks = f"/api/{quote(user_id, safe='')}/tasks"

    def add(self, title: str = "a task", **members: Any) -> dict[str, Any]:
        """Create a task and return it."""
        response = self.post(self.tasks, json={"title": title, **members})
        assert response.status_code == 201, response.text
        task: dict[str, Any] = response.json()
        return task

    def one(self, task_id: int) -> str:
        """The path of one of the user's tasks."""
        return f"{self.tasks}/{task_id}"

    def all(self, **query: Any) -> list[dict[str, Any]]:
        """The tasks of one page."""
        response = self.get(self.tasks, params=query)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()
        return found


@contextmanager
def user_of_new_api(database_url: str, **settings: Any) -> Iterator[User]:
    """A user of a new API server on this database."""
    with (
        serve(make_settings(database_url=database_url, **settings)) as base,
        User(base, uuid4().hex) as user,
    ):
        yield user
