"""The SQL of one task. Each function gives one message, compiled once per shape.

Every statement starts from the owner, and row-level security asks for the owner again. PostgreSQL
makes the JSON: a row comes back as the text that goes out.
"""

from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Literal

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
from api.tasks.tables import ACCOUNT, TASK

TASK_COLUMNS = [TASK.c[name] for name in TaskRead.model_fields]

MESSAGES = ("list", "read", "create", "change", "toggle", "remove")

OWNER: ColumnElement[str] = bindparam("owner", type_=Text)
OWNED = TASK.c.user_id == OWNER
OWNED_TASK = and_(OWNED, TASK.c.id == bindparam("id"))
COMPLETED: ColumnElement[bool] = bindparam("completed", type_=Boolean)
# Later than before, also when the clock stands still or was set back.
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
def create(provisioning: Literal["jit", "require"]) -> CompiledStatement:
    """A new task, or the one that this ``idempotency_key`` made before.

    Columns: the task's JSON, its id, whether it is new, whether the request is the same. Doing
    nothing on conflict would return no row to a request that waited for the first one to commit;
    the update without effect returns it, and ``xmax`` tells the two apart.
    """
    names = {*TaskCreate.model_fields, "due_at", "idempotency_key", "request_hash"}
    new = insert(TASK).values(
        _values(names) | {"user_id": OWNER, "completed_at": case((COMPLETED, func.now()))}
    )
    made = (
        new.on_conflict_do_update(
            index_elements=["user_id", "idempotency_key"],
            set_={"idempotency_key": new.excluded.idempotency_key},
        )
        .returning(
            *TASK_COLUMNS,
            literal_column("xmax = 0").label("fresh"),
            (TASK.c.request_hash == bindparam("request_hash")).label("same"),
        )
        .cte("made")
    )
    row = (
        select(*(made.c[column.name] for column in TASK_COLUMNS))
        .correlate(made)
        .lateral("document")
    )
    statement = rows_as_json(row, made.join(row, true())).add_columns(
        made.c.id, made.c.fresh, made.c.same
    )
    if provisioning == "jit":
        statement = statement.add_cte(_account())
    return CompiledStatement.of("create", statement, writes=True, repeatable=True)


@cache
def change(names: frozenset[str]) -> CompiledStatement:
    """Set the columns of these names, and no other."""
    values = _values(names)
    if "completed" in names:
        since = func.coalesce(TASK.c.completed_at, func.now())
        values["completed_at"] = case((COMPLETED, since))
    return _changed("change", values, repeatable=True)


@cache
def toggle() -> CompiledStatement:
    """Complete a pending task, reopen a completed one."""
    return _changed("toggle", {"completed_at": case((TASK.c.completed_at == null(), func.now()))})


@cache
def remove() -> CompiledStatement:
    """Delete the task and return it as it was."""
    gone = delete(TASK).where(OWNED_TASK).returning(*TASK_COLUMNS).cte("gone")
    return CompiledStatement.of("remove", rows_as_json(gone), writes=True)


def rows_as_json(rows: NamedFromClause, source: FromClause | None = None) -> Select[Any]:
    """The JSON text of every row of ``rows``, which may be one part of ``source``."""
    text = cast(func.row_to_json(rows.table_valued()), Text)
    return select(text).select_from(rows if source is None else source)


def _values(names: AbstractSet[str]) -> dict[str, Any]:
    return {name: bindparam(name, type_=TASK.c[name].type) for name in names - {"completed"}}


def _changed(name: str, values: dict[str, Any], *, repeatable: bool = False) -> CompiledStatement:
    changed = (
        update(TASK)
        .where(OWNED_TASK)
        .values(values | {"updated_at": NEXT_UPDATED_AT})
        .returning(*TASK_COLUMNS)
        .cte("changed")
    )
    return CompiledStatement.of(name, rows_as_json(changed), writes=True, repeatable=repeatable)


def _account() -> Any:
    """The user row that a token's first task needs; nobody can sign up with its address."""
    row = {"id": OWNER, "name": OWNER, "email": OWNER + "@jit.invalid", "emailVerified": False}
    return insert(ACCOUNT).values(row).on_conflict_do_nothing().cte("account")
