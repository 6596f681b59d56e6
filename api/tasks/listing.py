"""The SQL of a list page: filters, sort orders and keyset pagination."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    asc,
    bindparam,
    case,
    collate,
    desc,
    literal_column,
    select,
    tuple_,
)

from api.database.statement import CompiledStatement
from api.tasks import filters
from api.tasks.cursor import NO_DUE_DATE_KEY, decode
from api.tasks.fields import Direction, Sort
from api.tasks.schemas import ListQuery
from api.tasks.statements import OWNED, TASK_COLUMNS, rows_as_json
from api.tasks.tables import TASK

SORT_KEYS: dict[Sort, ColumnElement[Any]] = {
    "created_at": TASK.c.created_at,
    "updated_at": TASK.c.updated_at,
    "title": collate(TASK.c.title, "C"),
    "priority": TASK.c.priority_rank,
}
POSITION = tuple_(bindparam("after_key"), bindparam("after_id"))


def page(query: ListQuery) -> tuple[CompiledStatement, dict[str, Any]]:
    """The statement of a page and its values; it asks for one row more than ``limit``."""
    values = filters.values(query)
    names = frozenset(values.keys() & filters.FILTERS.keys())
    statement = _page(query.sort, query.direction, names, first_page=query.cursor is None)
    after = decode(query.cursor, query.sort, query.direction) if query.cursor is not None else {}
    return statement, values | after | {"limit": query.limit + 1}


@cache
def _page(
    sort: Sort, direction: Direction, names: frozenset[str], *, first_page: bool
) -> CompiledStatement:
    """One index range scan, forwards or backwards: user id and row comparison bound it."""
    key = _due_date_key(direction) if sort == "due_date" else SORT_KEYS[sort]
    position = tuple_(key, TASK.c.id)
    conditions = [OWNED, *(filters.FILTERS[name] for name in sorted(names))]
    if not first_page:
        conditions.append(position > POSITION if direction == "asc" else position < POSITION)
    ordered = asc if direction == "asc" else desc
    rows = select(*TASK_COLUMNS).where(*conditions).order_by(ordered(key), ordered(TASK.c.id))
    return CompiledStatement.of(
        "list", rows_as_json(rows.limit(bindparam("limit")).subquery("page"))
    )


def _due_date_key(direction: Direction) -> ColumnElement[Any]:
    """CASE, not COALESCE: the planner treats CASE as leakproof, so under row-level security it may
    still bound the index range.
    """
    last: ColumnElement[Any] = literal_column(f"'{NO_DUE_DATE_KEY[direction]}'::timestamptz")
    return case((TASK.c.due_at.is_(None), last), else_=TASK.c.due_at)
