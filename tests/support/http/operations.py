"""Every operation under /api, walked from the app's own routes: a new route is in every table."""

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from starlette.routing import BaseRoute

from api.main import create_app
from tests.support.http.client import User
from tests.support.http.server import make_settings

MISSING = 2**63 - 1
BODIES: dict[str, dict[str, Any]] = {
    "complete_task": {"completed": True},
    "apply_batch": {"operations": [{"op": "create", "task": {"title": "from an attack"}}]},
}


@dataclass(frozen=True)
class Operation:
    """A method and a path with ``{user_id}`` and perhaps ``{id}`` in it."""

    method: str
    path: str
    name: str
    status: int
    takes_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def takes_id(self) -> bool:
        """Whether one task is named."""
        return "{id}" in self.path

    def task_of(self, user: User) -> int:
        """A new task of the user, in the trash if this operation needs it there."""
        task = int(user.add()["id"])
        if self.name in {"restore_task", "erase_task"}:
            user.delete(user.one(task))
        return task

    def send(
        self,
        client: httpx.Client,
        user: str,
        task: object = MISSING,
        query: str = "",
        **options: Any,
    ) -> httpx.Response:
        """Send the request; ``user`` stands in the target exactly as it is given here."""
        target = self.path.replace("{user_id}", user).replace("{id}", str(task)) + query
        if self.takes_body and "content" not in options:
            options.setdefault("json", BODIES.get(self.name, {"title": "from an attack"}))
        return client.request(self.method, "/", extensions={"target": target.encode()}, **options)


def routes() -> list[BaseRoute]:
    """Every route of the app, whatever its kind."""
    return list(create_app(make_settings()).routes)


def operations() -> list[Operation]:
    """Every method of every route under /api, and HEAD wherever there is GET."""
    return [
        Operation(method, route.path, route.name, route.status_code or 200, bool(route.body_field))
        for route in map(_any, routes())
        if route.path.startswith("/api")
        for method in sorted(route.methods | ({"HEAD"} if "GET" in route.methods else set()))
    ]


def is_problem(response: httpx.Response, status: int, code: str) -> bool:
    """Whether this is that refusal; a HEAD answer has no code to show."""
    told = response.json()["code"] if response.request.method != "HEAD" else code
    return (response.status_code, told) == (status, code)


def user_ids_in(response: httpx.Response) -> set[str]:
    """Whose tasks the answer holds."""
    if response.request.method == "HEAD":
        return set()
    return {task["user_id"] for task in tasks_in(response.json()) if not task.get("deleted")}


def tasks_in(answer: Any) -> list[dict[str, Any]]:
    """The tasks of an answer, and its tombstones, whatever the operation."""
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else [answer]
    for name in ("changes", "tasks"):
        if isinstance(answer, dict) and name in answer:
            found = answer[name]
    return found


def without_request_id(response: httpx.Response) -> tuple[Any, ...]:
    """All of an answer but what differs between any two requests."""
    request_id = response.headers["x-request-id"]
    changing = {"x-request-id", "server-timing", "date"}
    headers = [pair for pair in response.headers.multi_items() if pair[0] not in changing]
    return response.status_code, headers, response.content.replace(request_id.encode(), b"")


def _any(route: BaseRoute) -> Any:
    return route
