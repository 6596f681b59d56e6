"""The endpoints of the trash."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.database.statement import CompiledStatement
from api.problems.catalogue import TooManyTasks, TrashedTaskNotFound
from api.state import state_of
from api.tasks import etags, trash
from api.tasks.cursor import decode
from api.tasks.fields import TaskId
from api.tasks.list_query import TrashQuery
from api.tasks.responses import page_response, task_response
from api.web.preconditions import IfMatch, IfNoneMatch, condition, known_tags
from api.web.user_route import UserId

TaskIdInPath = Annotated[TaskId, Path(alias="id", description="The task's id.")]


async def list_trash(
    user_id: UserId,
    query: Annotated[TrashQuery, Query()],
    request: Request,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the deleted tasks that can be restored, newest first."""
    known = known_tags(if_none_match)
    states = etags.known_states(trash.SHAPE, known)
    statement = trash.page(is_first=query.cursor is None, is_conditional=bool(states))
    after = {} if query.cursor is None else decode(query.cursor, "deleted_at", "desc")
    conditions = {"known_states": states} if states else {}
    values = {"limit": query.limit + 1, "trash_days": _trash_days(request), **after, **conditions}
    rows = await state_of(request).database.run(statement, user_id, **values)
    return page_response(request, trash.SHAPE, rows, query.limit, ("deleted_at", "desc"), known)


async def delete_task(
    user_id: UserId, task_id: TaskIdInPath, request: Request, if_match: IfMatch = None
) -> Response:
    """Delete a task and return its last state; it lies in the trash for ``TRASH_DAYS``."""
    days = _trash_days(request)
    remove, values = (trash.remove, {"trash_days": days}) if days else (trash.remove_at_once, {})
    return task_response(await _run(request, remove, user_id, if_match, id=task_id, **values))


async def restore_task(
    user_id: UserId, task_id: TaskIdInPath, request: Request, if_match: IfMatch = None
) -> Response:
    """Take a task out of the trash."""
    settings = state_of(request).settings
    values = {"trash_days": settings.trash_days, "max_tasks": settings.max_tasks_per_user}
    rows = await _run(request, trash.restore, user_id, if_match, id=task_id, **values)
    if rows and rows[0][0] is None and rows[0][2]:
        raise TooManyTasks
    return task_response(rows, missing=TrashedTaskNotFound)


async def erase_task(
    user_id: UserId, task_id: TaskIdInPath, request: Request, if_match: IfMatch = None
) -> Response:
    """Erase a task of the trash; it cannot be restored any more."""
    values = {"id": task_id, "trash_days": _trash_days(request)}
    rows = await _run(request, trash.erase, user_id, if_match, **values)
    return task_response(rows, missing=TrashedTaskNotFound)


async def _run(
    request: Request,
    statement: Callable[..., CompiledStatement],
    user_id: str,
    if_match: str | None,
    **values: int,
) -> Rows:
    """Run a statement that compares versions if the request has a condition."""
    matching = condition(if_match)
    text = statement(checked=bool(matching))
    return await state_of(request).database.run(text, user_id, **values, **matching)


def _trash_days(request: Request) -> int:
    return state_of(request).settings.trash_days
