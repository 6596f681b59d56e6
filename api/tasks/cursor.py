"""Where a page ended: an opaque position in one order, and no right to anything.

A cursor is base64url of the JSON array ``[sort, direction, key, id]``. Whoever changes one gets
another page of the same user's tasks, or a 422.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from api.config import strict_json
from api.tasks.fields import BIGINT, Direction, Sort, instant

RANKS = {"low": 1, "medium": 2, "high": 3}
# Tasks without a due date come last, whichever way the list runs.
LAST = {"asc": "infinity", "desc": "-infinity"}


def encode(sort: Sort, direction: Direction, document: str) -> str:
    """The position after ``document``, the JSON of a page's last task."""
    task = strict_json.parse(document.encode())
    position = orjson.dumps([sort, direction, task[sort], task["id"]])
    return urlsafe_b64encode(position).rstrip(b"=").decode()


def decode(cursor: str, sort: Sort, direction: Direction) -> dict[str, Any]:
    """The statement's ``after`` and ``after_id``; raises ``ValueError`` for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sorted_by, ran, key, task_id = strict_json.parse(urlsafe_b64decode(padded.encode("ascii")))
        if [sorted_by, ran] == [sort, direction] and type(task_id) is int and 0 < task_id <= BIGINT:
            return {"after": _KEYS[sort](key, direction), "after_id": task_id}
    except (ValueError, TypeError, KeyError, binascii.Error):
        pass
    message = "Take the cursor from a Link header, with the same sort and order"
    raise ValueError(message)


def _time(key: str, _direction: Direction) -> str:
    return instant(key).isoformat()


def _due(key: str | None, direction: Direction) -> str:
    return LAST[direction] if key is None else instant(key).isoformat()


def _title(key: str, _direction: Direction) -> str:
    if not isinstance(key, str) or "\x00" in key:
        raise ValueError(key)
    return key


def _rank(key: str, _direction: Direction) -> int:
    return RANKS[key]


_KEYS: Mapping[Sort, Callable[[Any, Direction], Any]] = {
    "created_at": _time,
    "updated_at": _time,
    "title": _title,
    "due_date": _due,
    "priority": _rank,
}
