"""The SQL of a page of tasks: filters, orders, and the keyset that goes on where a page ended."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    all_,
    asc,
    bindparam,
    case,
    collate,
    desc,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from api.database.statement import CompiledStatement
from api.tasks.cursor import LAST, decode
from api.tasks.fields import Direction, Sort, instant
from api.tasks.schemas import ListQuery
from api.tasks.statements import COMPLETED, OWNED, TASK_COLUMNS, rows_as_json
from api.tasks.tables import TASK

WORDS = func.concat_ws(" ", TASK.c.title, TASK.c.description)
FILTERS: dict[str, ColumnElement[bool]] = {
    "completed": TASK.c.completed == COMPLETED,
    "priority": TASK.c.priority == bindparam("priority"),
    "tags": TASK.c.tags.contains(bindparam("tags", type_=ARRAY(Text))),
    "patterns": WORDS.ilike(all_(bindparam("patterns", type_=ARRAY(Text)))),
    "due_before": TASK.c.due_at < bindparam("due_before"),
    "due_after": TASK.c.due_at > bindparam("due_after"),
}
KEYS: dict[Sort, ColumnElement[Any]] = {
    "created_at": TASK.c.created_at,
    "updated_at": TASK.c.updated_at,
    "title": collate(TASK.c.title, "C"),
    "priority": TASK.c.priority_rank,
}
AFTER = tuple_(bindparam("after"), bindparam("after_id"))


def page(query: ListQuery) -> tuple[CompiledStatement, dict[str, Any]]:
    """The message for a page, and its values; one row more than asked tells whether more follow."""
    values = {
        "completed": None if query.status == "all" else query.status == "completed",
        "priority": query.priority,
        "tags": query.tag or None,
        "patterns": [_pattern(word) for word in (query.search or "").split()] or None,
        "due_before": query.due_before and instant(query.due_before),
        "due_after": query.due_after and instant(query.due_after),
    }
    used = {name: value for name, value in values.items() if value is not None}
    message = _page(query.sort, query.direction, frozenset(used), begins=query.cursor is None)
    after = decode(query.cursor, query.sort, query.direction) if query.cursor is not None else {}
    return message, used | after | {"limit": query.limit + 1}


@cache
def _page(
    sort: Sort, direction: Direction, filters: frozenset[str], *, begins: bool
) -> CompiledStatement:
    """One index range, forwards or backwards: its bounds are the owner and the row comparison."""
    key = _due_or_last(direction) if sort == "due_date" else KEYS[sort]
    position = tuple_(key, TASK.c.id)
    wanted = [OWNED, *(FILTERS[name] for name in sorted(filters))]
    if not begins:
        wanted.append(position > AFTER if direction == "asc" else position < AFTER)
    towards = asc if direction == "asc" else desc
    rows = select(*TASK_COLUMNS).where(*wanted).order_by(towards(key), towards(TASK.c.id))
    return CompiledStatement.of(
        "list", rows_as_json(rows.limit(bindparam("limit")).subquery("page"))
    )


def _due_or_last(direction: Direction) -> ColumnElement[Any]:
    """CASE rather than COALESCE: the planner trusts it as leakproof, so row-level security lets it
    bound the index range.
    """
    last: ColumnElement[Any] = literal_column(f"'{LAST[direction]}'::timestamptz")
    return case((TASK.c.due_at.is_(None), last), else_=TASK.c.due_at)


def _pattern(word: str) -> str:
    escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
