"""The SQL of operations on one task. Each function returns a statement, compiled once per shape.

Every statement filters by user id, and row-level security filters again. PostgreSQL builds the
JSON text of the response.
"""

from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Interval,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal_column,
    null,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.selectable import NamedFromClause

from api.database.statement import CompiledStatement
from api.tasks.schemas import TaskCreate, TaskRead
from api.tasks.tables import TASK
from api.tasks.user_row import insert_user, user_required

TASK_COLUMNS = [TASK.c[name] for name in TaskRead.model_fields]

STATEMENTS = ("list", "read", "create", "change", "toggle", "remove")

USER_ID: ColumnElement[str] = bindparam("user_id", type_=Text)
OWNED = TASK.c.user_id == USER_ID
OWNED_TASK = and_(OWNED, TASK.c.id == bindparam("id"))
COMPLETED: ColumnElement[bool] = bindparam("completed", type_=Boolean)
# Always increases, even if the server's clock stands still or is set back.
NEXT_UPDATED_AT = func.greatest(
    func.now(), TASK.c.updated_at + cast(literal_column("'1 microsecond'"), Interval)
)


@cache
def read() -> CompiledStatement:
    """One task, by ``id``."""
    return CompiledStatement.of(
        "read", rows_as_json(select(*TASK_COLUMNS).where(OWNED_TASK).subquery("found"))
    )


@cache
def create(*, creates_user: bool) -> CompiledStatement:
    """Insert a task, or return the task that an earlier request with the same key created.

    Columns: the task's JSON, its id, whether it is new, whether the request hash is the same.
    ``ON CONFLICT DO NOTHING`` would return no row to a request that waited for the first one to
    commit. The update without effect returns the row, and ``xmax`` is 0 only for a new row.
    """
    names = {*TaskCreate.model_fields, "due_at", "idempotency_key", "request_hash"}
    given = _values(names)
    new = insert(TASK).values(
        given
        | {
            "user_id": USER_ID,
            "completed_at": case((COMPLETED, func.coalesce(given["completed_at"], func.now()))),
            "created_at": func.coalesce(given["created_at"], func.now()),
        }
    )
    made = (
        new.on_conflict_do_update(
            index_elements=["user_id", "idempotency_key"],
            set_={"idempotency_key": new.excluded.idempotency_key},
        )
        .returning(
            *TASK_COLUMNS,
            literal_column("xmax = 0").label("is_new"),
            (TASK.c.request_hash == bindparam("request_hash")).label("same_request"),
        )
        .cte("made")
    )
    row = (
        select(*(made.c[column.name] for column in TASK_COLUMNS))
        .correlate(made)
        .lateral("document")
    )
    statement = rows_as_json(row, made.join(row, true())).add_columns(
        made.c.id, made.c.is_new, made.c.same_request
    )
    if not creates_user:
        return CompiledStatement.of("create", statement, writes=True, repeatable=True)
    statement = statement.add_cte(insert_user(USER_ID))
    return CompiledStatement.of(
        "create", statement, writes=True, repeatable=True, to_problem=user_required
    )


@cache
def change(names: frozenset[str]) -> CompiledStatement:
    """Set exactly the columns of these names."""
    values = _values(names)
    if "completed" in names:
        since = func.coalesce(TASK.c.completed_at, func.now())
        values["completed_at"] = case((COMPLETED, since))
    return _update("change", values, repeatable=True)


@cache
def toggle() -> CompiledStatement:
    """Complete a pending task or reopen a completed one."""
    return _update("toggle", {"completed_at": case((TASK.c.completed_at == null(), func.now()))})


@cache
def remove() -> CompiledStatement:
    """Delete the task and return its last state."""
    deleted = delete(TASK).where(OWNED_TASK).returning(*TASK_COLUMNS).cte("deleted")
    return CompiledStatement.of("remove", rows_as_json(deleted), writes=True)


def rows_as_json(rows: NamedFromClause, source: FromClause | None = None) -> Select[Any]:
    """Select the JSON text of every row of ``rows``; ``source`` is the join that contains it."""
    text = cast(func.row_to_json(rows.table_valued()), Text)
    return select(text).select_from(rows if source is None else source)


def _values(names: AbstractSet[str]) -> dict[str, Any]:
    return {name: bindparam(name, type_=TASK.c[name].type) for name in names - {"completed"}}


def _update(name: str, values: dict[str, Any], *, repeatable: bool = False) -> CompiledStatement:
    changed = (
        update(TASK)
        .where(OWNED_TASK)
        .values(values | {"updated_at": NEXT_UPDATED_AT})
        .returning(*TASK_COLUMNS)
        .cte("changed")
    )
    return CompiledStatement.of(name, rows_as_json(changed), writes=True, repeatable=repeatable)
