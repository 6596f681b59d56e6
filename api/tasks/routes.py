"""The routes of tasks: each builds one statement, executes it and returns its JSON."""

import re
import secrets
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Query
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.database.statement import CompiledStatement
from api.problems.catalogue import IdempotencyMismatch, TooManyTasks
from api.state import state_of
from api.tasks import statements
from api.tasks.batch import apply_batch
from api.tasks.changes import read_changes
from api.tasks.create_statement import create
from api.tasks.list_query import ListQuery
from api.tasks.listing import SHAPE, page
from api.tasks.responses import page_response, task_response
from api.tasks.schemas import (
    BatchResult,
    Changes,
    Completion,
    TaskCreate,
    TaskRead,
    TaskUpdate,
    TrashedTask,
)
from api.tasks.trash_routes import TaskIdInPath, delete_task, erase_task, list_trash, restore_task
from api.web.preconditions import IfMatch, IfNoneMatch, condition, known_tags
from api.web.strict_request import key_header
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

IdempotencyKey = Annotated[
    str | SkipJsonSchema[None],
    key_header("Makes a repeated request return the task that the first one created."),
]


@router.get("", response_model=list[TaskRead], response_description="The tasks.")
async def list_tasks(
    user_id: UserId,
    query: Annotated[ListQuery, Query()],
    request: Request,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the user's tasks; a ``Link`` header with ``rel="next"`` announces a further page."""
    known = known_tags(if_none_match)
    statement, values = page(query, known)
    rows = await _execute(request, statement, user_id, **values)
    order = (query.sort, query.direction)
    return page_response(request, SHAPE, rows, query.limit, order, known)


@router.post("", status_code=201, response_model=TaskRead, response_description="The new task.")
async def create_task(
    user_id: UserId, task: TaskCreate, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Create a task; with an ``Idempotency-Key`` a repeated request returns the first task."""
    settings = state_of(request).settings
    statement = create(creates_user=settings.creates_users, has_key=idempotency_key is not None)
    values = {
        "idempotency_key": idempotency_key or secrets.token_hex(16),
        "request_hash": idempotency_key and task.request_hash(),
        "max_tasks": settings.max_tasks_per_user,
    }
    rows = await _execute(request, statement, user_id, **task.columns(), **values)
    if not rows:
        raise TooManyTasks
    [(*_, task_id, is_new, same_request)] = rows
    # A generated key can only be repeated by the API's own retry, which the client need not see.
    replayed = idempotency_key and not is_new
    if replayed and not same_request:
        raise IdempotencyMismatch
    headers = {"Location": f"/api/{quote(user_id, safe='')}/tasks/{task_id}"}
    return task_response(
        rows, 201, headers | {"Idempotency-Replayed": "true"} if replayed else headers
    )


router.get("/changes", response_model=Changes, response_description="The changes after `since`.")(
    read_changes
)
router.get("/trash", response_model=list[TrashedTask], response_description="The deleted tasks.")(
    list_trash
)


@router.get("/{id}", response_model=TaskRead, response_description="The task.")
async def read_task(
    user_id: UserId, task_id: TaskIdInPath, request: Request, if_none_match: IfNoneMatch = None
) -> Response:
    """Read one task."""
    rows = await _execute(request, statements.read(), user_id, id=task_id)
    return task_response(rows, known=known_tags(if_none_match))


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
    if_match: IfMatch = None,
) -> Response:
    """Toggle without a body; ``completed`` sets the state, so that a retry is harmless."""
    columns, matching = completion.model_dump(exclude_unset=True), condition(if_match)
    checked = bool(matching)
    change = (
        statements.change(frozenset(columns), checked=checked)
        if columns
        else statements.toggle(checked=checked)
    )
    rows = await _execute(request, change, user_id, **columns, **matching, id=task_id)
    return task_response(rows)


@router.put("/{id}", response_model=TaskRead, response_description="The task after the change.")
async def update_task(
    user_id: UserId,
    task_id: TaskIdInPath,
    changes: TaskUpdate,
    request: Request,
    if_match: IfMatch = None,
) -> Response:
    """Change the members that are sent; absent members keep their value."""
    columns, matching = changes.columns(), condition(if_match)
    change = statements.change(frozenset(columns), checked=bool(matching))
    return task_response(
        await _execute(request, change, user_id, **columns, **matching, id=task_id)
    )


router.patch(
    "/{id}",
    name="patch_task",
    response_model=TaskRead,
    description="Change a task with a JSON merge patch (RFC 7396); the same semantics as PUT.",
    response_description="The task after the change.",
)(update_task)


router.delete("/{id}", response_model=TaskRead, response_description="The deleted task.")(
    delete_task
)
router.post("/{id}/restore", response_model=TaskRead, response_description="The live task.")(
    restore_task
)
router.delete("/trash/{id}", response_model=TrashedTask, response_description="The erased task.")(
    erase_task
)

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
