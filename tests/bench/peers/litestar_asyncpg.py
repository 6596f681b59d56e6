"""Litestar, asyncpg and msgspec, with Litestar's own JWT, Prometheus and structlog support."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import msgspec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from litestar import Litestar, Request, get, patch, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.middleware.logging import LoggingMiddlewareConfig
from litestar.plugins.prometheus import PrometheusConfig, PrometheusController
from litestar.plugins.structlog import StructlogConfig, StructlogPlugin
from litestar.security.jwt import JWTAuth, Token

KEYS: dict[str, Any] = {
    "HS256": os.environ["BETTER_AUTH_SECRET"],
    "EdDSA": load_pem_public_key(os.environ["EDDSA_PUBLIC_KEY"].encode()),
}
COLUMNS = (
    "id, user_id, title, description, completed, completed_at, priority, due_date, tags,"
    " created_at, updated_at"
)
LIST = f"SELECT {COLUMNS} FROM task WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1000"
READ = f"SELECT {COLUMNS} FROM task WHERE user_id = $1 AND id = $2"
CREATE = (
    "INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)"
    f" VALUES ($1, $2, $3, $4, '{{}}', $5) RETURNING {COLUMNS}"
)
TOGGLE = (
    "UPDATE task SET completed_at = CASE WHEN completed_at IS NULL THEN now() END,"
    f" updated_at = now() WHERE user_id = $1 AND id = $2 RETURNING {COLUMNS}"
)


class TaskCreate(msgspec.Struct):
    title: str
    description: str | None = None
    priority: str = "medium"


class Task(msgspec.Struct):
    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    completed_at: datetime | None
    priority: str
    due_date: str | None
    tags: list[str]
    created_at: datetime
    updated_at: datetime


def is_owner(connection: ASGIConnection[Any, Any, Any, Any], _: object) -> None:
    if connection.user != connection.path_params["user_id"]:
        raise PermissionDeniedException


class AccessToken(Token):
    """A token that is signed with HS256 or EdDSA, each with its own key."""

    @classmethod
    def decode_payload(cls, encoded_token: str, **options: Any) -> Any:  # type: ignore[override]
        algorithm = jwt.get_unverified_header(encoded_token)["alg"]
        key = KEYS.get(algorithm)
        if key is None:
            raise jwt.InvalidAlgorithmError
        return jwt.decode(encoded_token, key, [algorithm], options=options["options"])


async def user_of(token: Token, _: object) -> str:
    return token.sub


def found(row: Any) -> Task:
    if row is None:
        raise NotFoundException
    return Task(*row)


@get("/api/{user_id:str}/tasks", guards=[is_owner])
async def list_tasks(user_id: str, state: State) -> list[Task]:
    return [Task(*row) for row in await state.pool.fetch(LIST, user_id)]


@post("/api/{user_id:str}/tasks", guards=[is_owner])
async def create_task(user_id: str, data: TaskCreate, state: State) -> Task:
    values = (user_id, data.title, data.description, data.priority, uuid4().hex)
    return found(await state.pool.fetchrow(CREATE, *values))


@get("/api/{user_id:str}/tasks/{task_id:int}", guards=[is_owner])
async def read_task(user_id: str, task_id: int, state: State) -> Task:
    return found(await state.pool.fetchrow(READ, user_id, task_id))


@patch("/api/{user_id:str}/tasks/{task_id:int}/complete", guards=[is_owner])
async def complete_task(user_id: str, task_id: int, state: State) -> Task:
    return found(await state.pool.fetchrow(TOGGLE, user_id, task_id))


@asynccontextmanager
async def pool(app: Litestar) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"]) as app.state.pool:
        yield


authentication = JWTAuth[str](
    retrieve_user_handler=user_of,
    token_secret=os.environ["BETTER_AUTH_SECRET"],
    token_cls=AccessToken,
    exclude=["/metrics", "/schema"],
)
# Neither headers nor bodies, which its defaults would log.
logging = LoggingMiddlewareConfig(
    request_log_fields=["method", "path"], response_log_fields=["status_code"]
)

app = Litestar(
    [list_tasks, create_task, read_task, complete_task, PrometheusController],
    lifespan=[pool],
    middleware=[PrometheusConfig(group_path=True).middleware],
    on_app_init=[authentication.on_app_init],
    plugins=[StructlogPlugin(StructlogConfig(middleware_logging_config=logging))],
    request_class=Request,
)
