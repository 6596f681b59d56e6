"""Opaque positions in the feed of changes: what a client knows of a user's tasks.

A position is base64url of the JSON array ``[1, version, id, start]``; 1 is the number of this
form. It grants nothing: an altered one selects other changes of the same user, or is refused.
"""

from datetime import datetime
from typing import NamedTuple

import orjson

from api.config import base64url, strict_json
from api.tasks.fields import MAX_BIGINT
from api.tasks.times import check_time, to_instant

FORM = 1


class Position(NamedTuple):
    """Every change up to this version is known, and of the version itself those up to this id.

    ``version`` is an ``updated_at``; None is the position before the first task. The position
    after all changes of a version has the greatest id. While a client loads all tasks, ``start``
    is the version of the clock at which it began: tombstones up to it are of no use to the client.
    """

    version: str | None
    id: int = MAX_BIGINT
    start: str | None = None

    def encode(self) -> str:
        """The text that a client sends back."""
        return base64url.encode(orjson.dumps([FORM, *self]))

    def is_beginning(self) -> bool:
        """Whether nothing is known yet."""
        return self.version is None

    def known(self) -> tuple[datetime, int]:
        """The version and id up to which nothing can have been missed."""
        assert self.version
        known = (to_instant(self.version), self.id)
        return max(known, (to_instant(self.start), MAX_BIGINT)) if self.start else known

    def must_resync(self, at: datetime | None, purged: datetime | None) -> bool:
        """Whether the clock is behind, or a tombstone that is not known was erased."""
        if self.is_beginning():
            return False
        if at is None or purged is None:
            return True
        known = self.known()
        return known[0] > at or known < (purged, MAX_BIGINT)


BEGINNING = Position(None, 0)


def decode(text: str) -> Position:
    """The position; raises ``ValueError`` for text that ``encode`` does not make."""
    try:
        form, version, task_id, start = strict_json.parse(base64url.decode(text))
        is_id = type(task_id) is int and 0 <= task_id <= MAX_BIGINT
        position = Position(_normal(version), task_id, _normal(start))
        is_whole = version is not None or position == BEGINNING
        if type(form) is int and form == FORM and is_id and is_whole:
            return position
    except (ValueError, TypeError):
        pass
    message = "Take it from next of an earlier answer"
    raise ValueError(message)


def _normal(time: str | None) -> str | None:
    """The time in UTC: PostgreSQL refuses offsets of 16 hours and more."""
    return None if time is None else to_instant(check_time(time)).isoformat()
