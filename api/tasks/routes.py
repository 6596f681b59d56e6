"""The routes of tasks: each builds one statement, executes it and returns its JSON."""

import re
import secrets
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Body, Header, Path, Query
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.database.statement import CompiledStatement
from api.problems.catalogue import IdempotencyMismatch, TaskNotFound
from api.state import state_of
from api.tasks import cursor, statements
from api.tasks.batch import apply_batch
from api.tasks.changes import read_changes
from api.tasks.fields import TaskId
from api.tasks.list_query import ListQuery
from api.tasks.listing import cut, page
from api.tasks.schemas import (
    BatchResult,
    Changes,
    Completion,
    TaskCreate,
    TaskRead,
    TaskUpdate,
)
from api.web.strict_request import IDEMPOTENCY_KEY, VISIBLE
from api.web.user_route import UserId, UserRoute


class TaskRoute(UserRoute):
    """A route where the names beside ``{id}`` are no ids: they have methods of their own."""

    NAMES = "batch|changes|trash"

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        id_here, is_no_name = "/tasks/(?P<id>", rf"(?!(?:{self.NAMES})(?:/|\Z))"
        pattern = self.path_regex.pattern.replace(id_here, id_here + is_no_name)
        self.path_regex = re.compile(pattern)


router = APIRouter(
    prefix="/api/{user_id}/tasks",
    tags=["tasks"],
    route_class=TaskRoute,
    generate_unique_id_function=attrgetter("name"),
)

TaskIdInPath = Annotated[TaskId, Path(alias="id", description="The task's id.")]
IdempotencyKey = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=IDEMPOTENCY_KEY,
        description="Makes a repeated request return the task that the first one created.",
        json_schema_extra={"pattern": f"^{VISIBLE.pattern}$"},
    ),
]


@router.get("", response_model=list[TaskRead], response_description="The tasks.")
async def list_tasks(
    user_id: UserId, query: Annotated[ListQuery, Query()], request: Request
) -> Response:
    """List the user's tasks; a ``Link`` header with ``rel="next"`` announces a further page."""
    statement, values = page(query)
    rows = await _execute(request, statement, user_id, **values)
    tasks = cut(rows, query.limit)
    headers = {"Link": _next_link(request, query, tasks[-1])} if len(tasks) < len(rows) else {}
    return _json_response(f"[{','.join(tasks)}]", headers=headers)


@router.post("", status_code=201, response_model=TaskRead, response_description="The new task.")
async def create_task(
    user_id: UserId, task: TaskCreate, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Create a task; with an ``Idempotency-Key`` a repeated request returns the first task."""
    create = statements.create(creates_user=state_of(request).settings.creates_users)
    key = {
        "idempotency_key": idempotency_key or secrets.token_hex(16),
        "request_hash": idempotency_key and task.request_hash(),
    }
    [(document, task_id, is_new, same_request)] = await _execute(
        request, create, user_id, **task.columns(), **key
    )
    # A generated key can only be repeated by the API's own retry, which the client need not see.
    replayed = idempotency_key and not is_new
    if replayed and not same_request:
        raise IdempotencyMismatch
    headers = {"Location": f"/api/{quote(user_id, safe='')}/tasks/{task_id}"}
    return _json_response(
        document, 201, headers | {"Idempotency-Replayed": "true"} if replayed else headers
    )


router.get("/changes", response_model=Changes, response_description="The changes after `since`.")(
    read_changes
)


@router.get("/{id}", response_model=TaskRead, response_description="The task.")
async def read_task(user_id: UserId, task_id: TaskIdInPath, request: Request) -> Response:
    """Read one task."""
    return _task_response(await _execute(request, statements.read(), user_id, id=task_id))


@router.patch(
    "/{id}/complete",
    response_model=TaskRead,
    response_description="The task after the change.",
)
async def complete_task(
    user_id: UserId,
    task_id: TaskIdInPath,
    request: Request,
    completion: Annotated[Completion, Body()] = Completion(),  # noqa: B008
) -> Response:
    """Toggle without a body; ``completed`` sets the state, so that a retry is harmless."""
    columns = completion.model_dump(exclude_unset=True)
    change = statements.change(frozenset(columns)) if columns else statements.toggle()
    return _task_response(await _execute(request, change, user_id, **columns, id=task_id))


@router.put("/{id}", response_model=TaskRead, response_description="The task after the change.")
async def update_task(
    user_id: UserId, task_id: TaskIdInPath, changes: TaskUpdate, request: Request
) -> Response:
    """Change the members that are sent; absent members keep their value."""
    columns = changes.columns()
    change = statements.change(frozenset(columns))
    return _task_response(await _execute(request, change, user_id, **columns, id=task_id))


router.patch(
    "/{id}",
    name="patch_task",
    response_model=TaskRead,
    description="Change a task with a JSON merge patch (RFC 7396); the same semantics as PUT.",
    response_description="The task after the change.",
)(update_task)


@router.delete("/{id}", response_model=TaskRead, response_description="The deleted task.")
async def delete_task(user_id: UserId, task_id: TaskIdInPath, request: Request) -> Response:
    """Delete a task and return its last state."""
    return _task_response(await _execute(request, statements.remove(), user_id, id=task_id))


router.post(
    "/batch", response_model=BatchResult, response_description="The tasks after the batch."
)(apply_batch)

# The collection also answers with a trailing slash. Last, because routes are matched in order.
router.get("/", include_in_schema=False)(list_tasks)
router.post("/", status_code=201, include_in_schema=False)(create_task)

OPERATIONS = frozenset(str(getattr(route, "name", "")) for route in router.routes)


async def _execute(
    request: Request, statement: CompiledStatement, user_id: str, **values: object
) -> Rows:
    return await state_of(request).database.run(statement, user_id, **values)


def _task_response(rows: Rows) -> Response:
    if not rows:
        raise TaskNotFound
    return _json_response(rows[0][0])


def _json_response(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="application/json")


def _next_link(request: Request, query: ListQuery, last: str) -> str:
    """The ``Link`` header of the next page (RFC 8288), relative to the public URL."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    position = cursor.encode(query.sort, query.direction, last)
    path = request.scope["raw_path"].decode("ascii")
    return f'<{path}?{urlencode([*kept, ("cursor", position)])}>; rel="next"'
