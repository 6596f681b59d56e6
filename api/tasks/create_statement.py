"""The SQL of a create, whose key is either new or to be looked up first."""

from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Executable,
    Select,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    select,
    true,
    union_all,
)

from api.database.statement import CompiledStatement
from api.tasks import clock
from api.tasks.clock import USER_ID
from api.tasks.schemas import TaskCreate
from api.tasks.statements import COMPLETED, OWNED, TASK_COLUMNS, parameters, rows_as_json
from api.tasks.tables import TASK
from api.tasks.user_row import insert_user, user_required


@cache
def create(*, creates_user: bool, has_key: bool) -> CompiledStatement:
    """Insert a task; with the client's key, unless an earlier request with it created one.

    Columns: the task's JSON, its id, whether it is new, whether the request
    hash is the same. There is no row if the user has ``max_tasks`` tasks.
    """
    if has_key:
        lock = clock.take_or_start(creates_user=creates_user)
        return _create(_insert_or_find(), lock, creates_user=creates_user)
    made = _insert(clock.start_or_move()).cte("made")
    new = rows_as_json(made).add_columns(made.c.id, true(), true())
    new = new.add_cte(insert_user(USER_ID)) if creates_user else new
    # A key that is new to the first attempt may be known when it is repeated.
    repetition = create(creates_user=creates_user, has_key=True)
    return replace(_create(new, creates_user=creates_user), repetition=repetition)


def _create(
    answer: Executable, lock: Executable | None = None, *, creates_user: bool
) -> CompiledStatement:
    to_problem = user_required if creates_user else None
    return CompiledStatement.of(
        "create", answer, writes=True, repeatable=True, to_problem=to_problem, lock=lock
    )


def _insert_or_find() -> CompoundSelect[Any]:
    is_same = TASK.c.request_hash == bindparam("request_hash")
    with_key = TASK.c.idempotency_key == bindparam("idempotency_key")
    found = select(*TASK_COLUMNS, is_same.label("same_request")).where(OWNED, with_key).cte("found")
    at = clock.move(~exists(select(found.c.id)), clock.HAS_ROOM, live=1)
    made = _insert(at).cte("made")
    new = _answer(made, is_new=true(), same_request=true())
    return union_all(new, _answer(found, is_new=false(), same_request=found.c.same_request))


def _insert(at: CTE) -> Any:
    """Insert the task where the clock was moved."""
    given = parameters({*TaskCreate.model_fields, "due_at", "idempotency_key", "request_hash"})
    values = given | {
        "user_id": USER_ID,
        "completed_at": case((COMPLETED, func.coalesce(given["completed_at"], at.c.at))),
        "created_at": func.coalesce(given["created_at"], at.c.at),
        "updated_at": at.c.at,
    }
    row = select(*values.values()).select_from(at)
    return insert(TASK).from_select([*values], row).returning(*TASK_COLUMNS)


def _answer(
    rows: CTE, *, is_new: ColumnElement[bool], same_request: ColumnElement[bool]
) -> Select[Any]:
    task = select(*(rows.c[column.name] for column in TASK_COLUMNS)).correlate(rows).lateral("task")
    return rows_as_json(task, rows.join(task, true())).add_columns(rows.c.id, is_new, same_request)
