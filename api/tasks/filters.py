"""The filters of a list as SQL conditions, and the values of their parameters."""

from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, case, collate, func, not_
from sqlalchemy.dialects.postgresql import ARRAY

from api.tasks.list_query import ListQuery
from api.tasks.statements import COMPLETED
from api.tasks.tables import TASK
from api.tasks.times import DAY_LENGTH, is_day, to_instant, to_wall_clock

# The day of a due date as it was sent: for a time, the day at its own offset.
DUE_DAY = collate(func.left(TASK.c.due_date, DAY_LENGTH), "C")


def _is_due_before(name: str) -> ColumnElement[bool]:
    """Due before a time; a task without a time is due at midnight at the offset of that time."""
    is_due_on_day = func.length(TASK.c.due_date) == DAY_LENGTH
    before_wall_clock = TASK.c.due_at < bindparam(f"{name}_wall_clock")
    return case((is_due_on_day, before_wall_clock), else_=TASK.c.due_at < bindparam(name))


FILTERS: dict[str, ColumnElement[bool]] = {
    "completed": TASK.c.completed == COMPLETED,
    "priority": TASK.c.priority == bindparam("priority"),
    "tags": TASK.c.tags.contains(bindparam("tags", type_=ARRAY(Text))),
    "due_from_day": bindparam("due_from_day") <= DUE_DAY,
    "due_from_time": not_(_is_due_before("due_from_time")),
    "due_before_day": bindparam("due_before_day") > DUE_DAY,
    "due_before_time": _is_due_before("due_before_time"),
}


def values(query: ListQuery) -> dict[str, Any]:
    """The parameters of the filters that the query asks for; most have their filter's name."""
    found = {
        "completed": None if query.status == "all" else query.status == "completed",
        "priority": query.priority,
        "tags": query.tag or None,
        **_due_bound("due_from", query.due_from),
        **_due_bound("due_before", query.due_before),
    }
    return {name: value for name, value in found.items() if value is not None}


def _due_bound(name: str, bound: str | None) -> dict[str, Any]:
    if bound is None:
        return {}
    if is_day(bound):
        return {f"{name}_day": bound}
    wall_clock = to_wall_clock(bound)
    return {f"{name}_time": to_instant(bound), f"{name}_time_wall_clock": wall_clock}
