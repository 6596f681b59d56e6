"""The floor: a bare ASGI callable that sends the product's messages and returns the bytes.

It verifies the same kinds of tokens, HS256 and EdDSA, and nothing else.
"""

import asyncio
import hmac
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast
from uuid import uuid4

import orjson
import psycopg2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from psycopg2.extensions import POLL_OK, POLL_READ

from api.database.statement import CompiledStatement
from api.tasks import create_statement, statements
from api.tasks.list_query import ListQuery
from api.tasks.listing import SEPARATOR, page

SECRET = os.environ["BETTER_AUTH_SECRET"].encode()
EDDSA_KEY = cast("Ed25519PublicKey", load_pem_public_key(os.environ["EDDSA_PUBLIC_KEY"].encode()))
CONNECTIONS = 10
LIST, LIMIT = page(ListQuery())
READ, TOGGLE = statements.read(), statements.toggle()
CREATE = create_statement.create(creates_user=True, has_key=False)
HEADERS = [(b"content-type", b"application/json")]
NEW: dict[str, Any] = {
    "completed": False,
    "due_date": None,
    "due_at": None,
    "completed_at": None,
    "created_at": None,
    "tags": [],
    "request_hash": None,
    "max_tasks": 0,
}


class RefusedError(Exception):
    """The token does not prove this user."""


class Pool:
    """Asynchronous connections of psycopg2, opened when first needed."""

    def __init__(self) -> None:
        self._idle: list[Any] = []
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def run(self, message: CompiledStatement, user_id: str, **values: Any) -> list[Any]:
        """The rows of one message."""
        async with self._turns:
            connection = self._idle.pop() if self._idle else await _connected()
            cursor = connection.cursor()
            parameters = {**message.defaults, **values, "user_id": user_id}
            cursor.execute(message.message(1500), parameters)
            await _ready(connection)
            rows: list[Any] = cursor.fetchall()
            self._idle.append(connection)
            return rows


async def _connected() -> Any:
    connection = psycopg2.connect(os.environ["DATABASE_URL"], async_=1)
    await _ready(connection)
    return connection


async def _ready(connection: Any) -> None:
    loop, descriptor = asyncio.get_running_loop(), connection.fileno()
    while (state := connection.poll()) != POLL_OK:
        ready = loop.create_future()
        reads = state == POLL_READ
        (loop.add_reader if reads else loop.add_writer)(descriptor, ready.set_result, None)
        await ready
        (loop.remove_reader if reads else loop.remove_writer)(descriptor)


POOL = Pool()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request; any error in the token is 401."""
    if scope["type"] == "lifespan":
        return
    try:
        status, body = 200, await _answer(scope, receive)
    except RefusedError:
        status, body = 401, b"{}"
    status = 201 if status == 200 and scope["method"] == "POST" else status
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": body})


async def _answer(scope: Any, receive: Any) -> bytes:
    user_id, *parts = scope["path"].removeprefix("/api/").split("/")
    header = next(value for name, value in scope["headers"] if name == b"authorization")
    _check(header[7:], user_id)
    if scope["method"] == "POST":
        values = {"description": None, "priority": "medium", **NEW}
        sent = orjson.loads((await receive())["body"])
        rows = await POOL.run(CREATE, user_id, **values | sent, idempotency_key=uuid4().hex)
    elif len(parts) == 1:
        [(_, text)] = await POOL.run(LIST, user_id, **LIMIT)
        return f"[{(text or '').replace(SEPARATOR, ',')}]".encode()
    else:
        message = TOGGLE if scope["method"] == "PATCH" else READ
        rows = await POOL.run(message, user_id, id=int(parts[1]))
    document: str = rows[0][0]
    return document.encode()


def _check(token: bytes, user_id: str) -> None:
    signed, _, signature = token.rpartition(b".")
    header, _, payload = signed.partition(b".")
    if _decoded(header)["alg"] == "EdDSA":
        _verify_eddsa(signed, signature)
    else:
        _verify_hs256(signed, signature)
    claims = _decoded(payload)
    if claims["sub"] != user_id or claims["exp"] < time.time():
        raise RefusedError


def _decoded(part: bytes) -> Any:
    return orjson.loads(urlsafe_b64decode(part + b"=="))


def _verify_hs256(signed: bytes, signature: bytes) -> None:
    expected = urlsafe_b64encode(hmac.digest(SECRET, signed, "sha256")).rstrip(b"=")
    if not hmac.compare_digest(signature, expected):
        raise RefusedError


def _verify_eddsa(signed: bytes, signature: bytes) -> None:
    try:
        EDDSA_KEY.verify(urlsafe_b64decode(signature + b"=="), signed)
    except InvalidSignature as error:
        raise RefusedError from error
