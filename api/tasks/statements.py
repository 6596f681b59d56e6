"""The SQL of operations on one task. Each function returns a statement, compiled once per shape.

Every statement filters by user id, and row-level security filters again. PostgreSQL builds the
JSON text of the response.
"""

from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    null,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.sql.selectable import NamedFromClause

from api.database.statement import CompiledStatement
from api.tasks import clock
from api.tasks.clock import USER_ID
from api.tasks.schemas import TaskCreate, TaskRead
from api.tasks.tables import TASK
from api.tasks.user_row import user_required

TASK_COLUMNS = [TASK.c[name] for name in TaskRead.model_fields]

STATEMENTS = ("list", "read", "create", "change", "toggle", "remove", "changes", "batch")

OWNED = TASK.c.user_id == USER_ID
OWNED_TASK = and_(OWNED, TASK.c.id == bindparam("id"))
LIVE = TASK.c.deleted_at.is_(None)
COMPLETED: ColumnElement[bool] = bindparam("completed", type_=Boolean)


@cache
def read() -> CompiledStatement:
    """One task, by ``id``."""
    return CompiledStatement.of(
        "read", rows_as_json(select(*TASK_COLUMNS).where(OWNED_TASK, LIVE).subquery("found"))
    )


@cache
def create(*, creates_user: bool) -> CompiledStatement:
    """Insert a task, or return the task that an earlier request with the same key created.

    Columns: the task's JSON, its id, whether it is new, whether the request hash is the same.
    """
    is_same = TASK.c.request_hash == bindparam("request_hash")
    with_key = TASK.c.idempotency_key == bindparam("idempotency_key")
    found = select(*TASK_COLUMNS, is_same.label("same_request")).where(OWNED, with_key).cte("found")
    at = clock.move(~exists(select(found.c.id)), live=1)
    made = _insert(at).cte("made")
    new = _created(made, is_new=true(), same_request=true())
    earlier = _created(found, is_new=false(), same_request=found.c.same_request)
    return CompiledStatement.of(
        "create",
        union_all(new, earlier),
        writes=True,
        repeatable=True,
        to_problem=user_required if creates_user else None,
        lock=clock.take_or_start(creates_user=creates_user),
    )


@cache
def change(names: frozenset[str]) -> CompiledStatement:
    """Set exactly the columns of these names."""
    at, values = _moved_clock(), _values(names)
    if "completed" in names:
        values["completed_at"] = case((COMPLETED, func.coalesce(TASK.c.completed_at, at.c.at)))
    return _update("change", values, at, repeatable=True)


@cache
def toggle() -> CompiledStatement:
    """Complete a pending task or reopen a completed one."""
    at = _moved_clock()
    return _update("toggle", {"completed_at": case((TASK.c.completed_at == null(), at.c.at))}, at)


@cache
def remove() -> CompiledStatement:
    """Put the task into the trash and return its last state."""
    found = _found()
    at = clock.move(exists(select(found.c.id)), live=-1)
    moved = {"deleted_at": at.c.at, "updated_at": at.c.at}
    deleted = update(TASK).where(OWNED_TASK).values(moved).returning(TASK.c.id).cte("deleted")
    return CompiledStatement.of(
        "remove", rows_as_json(found).add_cte(deleted), writes=True, lock=clock.take()
    )


def rows_as_json(rows: NamedFromClause, source: FromClause | None = None) -> Select[Any]:
    """Select the JSON text of every row of ``rows``; ``source`` is the join that contains it."""
    text = cast(func.row_to_json(rows.table_valued()), Text)
    return select(text).select_from(rows if source is None else source)


def _values(names: AbstractSet[str]) -> dict[str, Any]:
    return {name: bindparam(name, type_=TASK.c[name].type) for name in names - {"completed"}}


def _found() -> CTE:
    """The live task as it is, locked with the user's clock."""
    return select(*TASK_COLUMNS).where(OWNED_TASK, LIVE).cte("found")


def _insert(at: CTE) -> Any:
    """Insert the task where the clock was moved."""
    given = _values({*TaskCreate.model_fields, "due_at", "idempotency_key", "request_hash"})
    values = given | {
        "user_id": USER_ID,
        "completed_at": case((COMPLETED, func.coalesce(given["completed_at"], at.c.at))),
        "created_at": func.coalesce(given["created_at"], at.c.at),
        "updated_at": at.c.at,
    }
    row = select(*values.values()).select_from(at)
    return insert(TASK).from_select([*values], row).returning(*TASK_COLUMNS)


def _created(
    rows: CTE, *, is_new: ColumnElement[bool], same_request: ColumnElement[bool]
) -> Select[tuple[str, int, bool, bool]]:
    task = select(*(rows.c[column.name] for column in TASK_COLUMNS)).correlate(rows).lateral("task")
    return rows_as_json(task, rows.join(task, true())).add_columns(rows.c.id, is_new, same_request)


def _moved_clock() -> CTE:
    return clock.move(exists(select(_found().c.id)))


def _update(
    name: str, values: dict[str, Any], at: CTE, *, repeatable: bool = False
) -> CompiledStatement:
    changed = (
        update(TASK)
        .where(OWNED_TASK)
        .values(values | {"updated_at": at.c.at})
        .returning(*TASK_COLUMNS)
        .cte("changed")
    )
    return CompiledStatement.of(
        name, rows_as_json(changed), writes=True, repeatable=repeatable, lock=clock.take()
    )
