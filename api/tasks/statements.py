"""The SQL of operations on one task. Each function returns a statement, compiled once per shape.

Every statement filters by user id, and row-level security filters again. PostgreSQL builds the
JSON text of the response, the first column of a row. With a condition (``checked``) the second one
is the task's current entity tag; if the condition does not hold the text is NULL.
"""

from collections.abc import Callable
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
    Update,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    null,
    select,
    true,
    update,
)
from sqlalchemy.sql.selectable import NamedFromClause

from api.database.statement import CompiledStatement
from api.tasks import clock, etags
from api.tasks.clock import USER_ID
from api.tasks.schemas import TaskRead
from api.tasks.tables import TASK

TASK_COLUMNS = [TASK.c[name] for name in TaskRead.model_fields]

STATEMENTS = (
    *("list", "read", "create", "change", "toggle", "remove"),
    *("trash", "restore", "erase", "changes", "batch"),
)

OWNED = TASK.c.user_id == USER_ID
OWNED_TASK = and_(OWNED, TASK.c.id == bindparam("id"))
LIVE = TASK.c.deleted_at.is_(None)
COMPLETED: ColumnElement[bool] = bindparam("completed", type_=Boolean)
# The values of columns, given the version of the change.
Changes = Callable[[ColumnElement[Any]], dict[str, Any]]


@cache
def read() -> CompiledStatement:
    """One task, by ``id``."""
    found = select(*TASK_COLUMNS).where(OWNED_TASK, LIVE).subquery("found")
    return CompiledStatement.of("read", rows_as_json(found))


@cache
def change(names: frozenset[str], *, checked: bool = False) -> CompiledStatement:
    """Set exactly the columns of these names."""

    def changes(at: ColumnElement[Any]) -> dict[str, Any]:
        completed_at = case((COMPLETED, func.coalesce(TASK.c.completed_at, at)))
        return parameters(names) | ({"completed_at": completed_at} if "completed" in names else {})

    return _update("change", changes, checked=checked)


@cache
def toggle(*, checked: bool = False) -> CompiledStatement:
    """Complete a pending task or reopen a completed one."""

    def changes(at: ColumnElement[Any]) -> dict[str, Any]:
        return {"completed_at": case((TASK.c.completed_at == null(), at))}

    return _update("toggle", changes, checked=checked)


def find(state: ColumnElement[bool], *more: ColumnElement[Any]) -> CTE:
    """The task as it is, in this state; the clock's lock keeps it so."""
    return select(*TASK_COLUMNS, *more).where(OWNED_TASK, state).cte("found")


def is_current(found: CTE, *, checked: bool) -> ColumnElement[bool]:
    """Whether the task exists, and if ``checked`` has a tag of the parameter ``if_match``."""
    task = select(found.c.id)
    if checked:
        task = task.where(etags.matches(etags.of_version(found.c.updated_at), "if_match"))
    return exists(task)


def rows_as_json(rows: NamedFromClause, source: FromClause | None = None) -> Select[Any]:
    """Select the JSON text of every row of ``rows``; ``source`` is the join that contains it."""
    text = cast(func.row_to_json(rows.table_valued()), Text)
    return select(text).select_from(rows if source is None else source)


def parameters(names: AbstractSet[str]) -> dict[str, Any]:
    """A parameter for each column of these names, except ``completed``, which is generated."""
    return {
        name: bindparam(name, type_=TASK.c[name].type) for name in sorted(names - {"completed"})
    }


def _update(name: str, changes: Changes, *, checked: bool) -> CompiledStatement:
    if checked:
        # It is not repeated: its condition no longer holds then.
        answer, lock = _update_if_current(changes), clock.take()
        return CompiledStatement.of(name, answer, writes=True, lock=lock)
    # Rows are looked up before the lock of the clock is awaited, and once more after it.
    at = select(clock.move().c.at).scalar_subquery()
    changed = _changed(changes, at).where(LIVE).returning(*TASK_COLUMNS).cte("changed")
    return CompiledStatement.of(
        name,
        rows_as_json(changed),
        writes=True,
        repeatable=name != "toggle",  # which has another effect the second time
    )


def _update_if_current(changes: Changes) -> Select[Any]:
    found = find(LIVE)
    at = clock.move(is_current(found, checked=True))
    changed = _changed(changes, at.c.at).returning(*TASK_COLUMNS).cte("changed")
    version = func.coalesce(changed.c.updated_at, found.c.updated_at)
    task = rows_as_json(changed, found.outerjoin(changed, true()))
    return task.add_columns(etags.of_version(version))


def _changed(changes: Changes, at: ColumnElement[Any]) -> Update:
    return update(TASK).where(OWNED_TASK).values(changes(at) | {"updated_at": at})
