"""The operations on tasks. A route names its message and sends it; everything else is elsewhere."""

import hashlib
import secrets
from operator import attrgetter
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Body, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.database.statement import CompiledStatement
from api.problems.catalogue import IdempotencyMismatch, TaskNotFound
from api.tasks import cursor, statements
from api.tasks.fields import TaskId
from api.tasks.listing import page
from api.tasks.schemas import Absent, Completion, ListQuery, TaskCreate, TaskRead, TaskUpdate
from api.web.strict_request import VISIBLE
from api.web.user_route import UserId, UserRoute

router = APIRouter(
    prefix="/api/{user_id}/tasks",
    tags=["tasks"],
    route_class=UserRoute,
    generate_unique_id_function=attrgetter("name"),
)

Id = Annotated[TaskId, Path(alias="id", description="The task's id.")]
Key = Annotated[
    str | Absent,
    Header(
        alias="Idempotency-Key",
        description="Makes a retry return the task it made before.",
        json_schema_extra={"pattern": f"^{VISIBLE.pattern}$"},
    ),
]


@router.get("", response_model=list[TaskRead], response_description="The tasks.")
async def list_tasks(
    user_id: UserId, query: Annotated[ListQuery, Query()], request: Request
) -> Response:
    """The user's tasks; a ``Link`` header with ``rel="next"`` says that there are more."""
    message, values = page(query)
    rows = await _run(request, message, user_id, **values)
    rows_as_json = [row[0] for row in rows[: query.limit]]
    headers = {"Link": _next(request, query, rows_as_json[-1])} if len(rows) > query.limit else {}
    return _json(f"[{','.join(rows_as_json)}]", headers=headers)


@router.post(
    "", status_code=201, response_model=TaskRead, response_description="The task that was made."
)
async def create_task(
    user_id: UserId, task: TaskCreate, request: Request, idempotency_key: Key = None
) -> Response:
    """A new task; with an ``Idempotency-Key`` a repeated request returns the first one's task."""
    create = statements.create(request.app.state.settings.auth_user_provisioning)
    key = {
        "idempotency_key": idempotency_key or secrets.token_hex(16),
        "request_hash": idempotency_key and _fingerprint(task),
    }
    [(document, task_id, fresh, same)] = await _run(
        request, create, user_id, **task.columns(), **key
    )
    # A key of our own is met again only by our own retry, which the client need not know of.
    replayed = idempotency_key and not fresh
    if replayed and not same:
        raise IdempotencyMismatch
    headers = {"Location": f"/api/{quote(user_id, safe='')}/tasks/{task_id}"}
    return _json(document, 201, headers | {"Idempotency-Replayed": "true"} if replayed else headers)


@router.get("/{id}", response_model=TaskRead, response_description="The task.")
async def read_task(user_id: UserId, task_id: Id, request: Request) -> Response:
    """One task."""
    return _one(await _run(request, statements.read(), user_id, id=task_id))


@router.patch(
    "/{id}/complete",
    response_model=TaskRead,
    response_description="The task after the change.",
)
async def complete_task(
    user_id: UserId,
    task_id: Id,
    request: Request,
    completion: Annotated[Completion, Body()] = Completion(),  # noqa: B008
) -> Response:
    """Toggle without a body; with ``completed`` set the state, so that a retry is harmless."""
    columns = completion.model_dump(exclude_unset=True)
    change = statements.change(frozenset(columns)) if columns else statements.toggle()
    return _one(await _run(request, change, user_id, **columns, id=task_id))


@router.put("/{id}", response_model=TaskRead, response_description="The task after the change.")
async def update_task(
    user_id: UserId, task_id: Id, changes: TaskUpdate, request: Request
) -> Response:
    """Change the members that are sent; absent ones stay as they are."""
    columns = changes.columns()
    change = statements.change(frozenset(columns))
    return _one(await _run(request, change, user_id, **columns, id=task_id))


router.patch(
    "/{id}",
    name="patch_task",
    response_model=TaskRead,
    description="The same, as a JSON merge patch (RFC 7396).",
    response_description="The task after the change.",
)(update_task)


@router.delete("/{id}", response_model=TaskRead, response_description="The task as it was.")
async def delete_task(user_id: UserId, task_id: Id, request: Request) -> Response:
    """Delete a task and return it as it was."""
    return _one(await _run(request, statements.remove(), user_id, id=task_id))


# Also with a slash at its end; last, because each request walks this list from its beginning.
router.get("/", include_in_schema=False)(list_tasks)
router.post("/", status_code=201, include_in_schema=False)(create_task)

NAMES = frozenset(str(getattr(route, "name", "")) for route in router.routes)


async def _run(request: Request, message: CompiledStatement, owner: str, **values: object) -> Rows:
    rows: Rows = await request.app.state.database.run(message, owner, **values)
    return rows


def _one(rows: Rows) -> Response:
    if not rows:
        raise TaskNotFound
    return _json(rows[0][0])


def _json(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="application/json")


def _next(request: Request, query: ListQuery, last: str) -> str:
    """Where the next page is (RFC 8288), relative to wherever the public knows this API."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    position = cursor.encode(query.sort, query.direction, last)
    path = request.scope["raw_path"].decode("ascii")
    return f'<{path}?{urlencode([*kept, ("cursor", position)])}>; rel="next"'


def _fingerprint(task: TaskCreate) -> str:
    return hashlib.sha256(task.model_dump_json().encode()).hexdigest()
