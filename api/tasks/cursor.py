"""Opaque keyset cursors: the position after the last task of a page, in one sort order.

A cursor is base64url of the JSON array ``[sort, direction, key, id]``. It grants nothing: an
altered cursor selects another page of the same user's tasks, or is refused with 422.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson

from api.config import base64url, strict_json
from api.tasks.fields import MAX_BIGINT, Direction, Sort
from api.tasks.times import to_instant

# A sort order of a list, or that of the trash.
Order = Sort | Literal["deleted_at"]
PRIORITY_RANKS = {"low": 1, "medium": 2, "high": 3}
# The sort key of a task without a due date: nulls last, in either direction.
NO_DUE_DATE_KEY = {"asc": "infinity", "desc": "-infinity"}


def encode(sort: Order, direction: Direction, last_task: str) -> str:
    """The cursor after ``last_task``, the JSON of the last task of a page."""
    task = strict_json.parse(last_task.encode())
    position = orjson.dumps([sort, direction, task[sort], task["id"]])
    return base64url.encode(position)


def decode(cursor: str, sort: Order, direction: Direction) -> dict[str, Any]:
    """The statement's ``after_key`` and ``after_id``; raises ``ValueError`` if it does not fit."""
    try:
        position = strict_json.parse(base64url.decode(cursor))
        cursor_sort, cursor_direction, key, task_id = position
        is_id = type(task_id) is int and 0 < task_id <= MAX_BIGINT
        if [cursor_sort, cursor_direction] == [sort, direction] and is_id:
            return {"after_key": _PARSERS[sort](key, direction), "after_id": task_id}
    except (ValueError, TypeError, KeyError):
        pass
    message = "Take the cursor from a Link header, with the same sort and order"
    raise ValueError(message)


def _parse_time(key: str, _direction: Direction) -> str:
    return to_instant(key).isoformat()


def _parse_due_date(key: str | None, direction: Direction) -> str:
    return NO_DUE_DATE_KEY[direction] if key is None else to_instant(key).isoformat()


def _parse_title(key: str, _direction: Direction) -> str:
    if not isinstance(key, str) or "\x00" in key:
        raise ValueError(key)
    return key


def _parse_priority(key: str, _direction: Direction) -> int:
    return PRIORITY_RANKS[key]


_PARSERS: Mapping[Order, Callable[[Any, Direction], Any]] = {
    "created_at": _parse_time,
    "deleted_at": _parse_time,
    "updated_at": _parse_time,
    "title": _parse_title,
    "due_date": _parse_due_date,
    "priority": _parse_priority,
}
