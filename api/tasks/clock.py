"""The clock of a user: every write of the user's tasks locks it, and moves it.

A write that finds no task may move it as well, so that lists and feed look changed once.

The lock lasts until the commit and excludes other writes of the user's tasks, so ``updated_at`` is
a version that increases in the order of commits. A write with a condition locks it in a statement
of its own: the next statement of the message has a snapshot from after it, and is exact.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import array, insert

from api.tasks.tables import CLOCK
from api.tasks.user_row import insert_user

USER_ID: ColumnElement[str] = bindparam("user_id", type_=Text)
OWNED_CLOCK = CLOCK.c.user_id == USER_ID
# Greater than before, even if the server's clock stands still or is set back.
_MICROSECOND: ColumnElement[Any] = literal_column("interval '1 microsecond'")
NEXT = func.greatest(func.now(), CLOCK.c.at + _MICROSECOND)
# The state of a user without a clock.
NEVER = "0"
ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_MAX_TASKS: ColumnElement[int] = bindparam("max_tasks", type_=BigInteger)
# Whether the user may have one more live task; without limit if ``max_tasks`` is 0.
HAS_ROOM = or_(_MAX_TASKS == ZERO, CLOCK.c.live < _MAX_TASKS)
# A limit holds for each statement of a message, but together they may take no longer than one.
_LIMIT_REST: ColumnElement[str] = literal_column("""
set_config('statement_timeout', greatest(1, 1000 * extract(epoch FROM
    current_setting('statement_timeout')::interval - (clock_timestamp() - now())))::int::text, true)
""")


def read() -> ColumnElement[Any]:
    """The times ``at`` and ``purged`` as text, or NULL without a clock; for ``parse``."""
    times = cast(array([CLOCK.c.at, CLOCK.c.purged]), ARRAY(Text))
    return select(times).where(OWNED_CLOCK).scalar_subquery()


def parse(times: Sequence[str] | None) -> tuple[str, datetime | None, datetime | None]:
    """The state of which tags are made, ``at`` and ``purged``."""
    if times is None:
        return NEVER, None, None
    at, purged = map(datetime.fromisoformat, times)
    return times[0], at, purged


def take() -> Select[Any]:
    """Lock the user's clock; without one, the user has no tasks to change."""
    found = select(CLOCK.c.at).where(OWNED_CLOCK).with_for_update(key_share=True)
    return _then_limit(found.cte("taken"))


def take_or_start(*, creates_user: bool) -> Select[Any]:
    """Lock the user's clock for a create, and start it where there is none.

    ``at`` and ``purged`` begin as equals: to devices which followed an account that was deleted,
    and made again, it must not look unchanged.
    """
    new = insert(CLOCK).values(user_id=USER_ID, at=func.now(), purged=func.now(), live=ZERO)
    # Without effect on a row that exists, except that the row is locked.
    locked = new.on_conflict_do_update(
        index_elements=["user_id"], set_={"at": new.excluded.at}, where=false()
    )
    taken = _then_limit(locked.returning(CLOCK.c.at).cte("taken"))
    return taken.add_cte(insert_user(USER_ID)) if creates_user else taken


def start_or_move() -> CTE:
    """Lock the user's clock and move it for one more live task, if there is room for it.

    A clock that is started here begins with that task, ``purged`` just before it.
    """
    before = func.now() - _MICROSECOND
    new = insert(CLOCK).values(user_id=USER_ID, at=func.now(), purged=before, live=_ONE)
    moved = new.on_conflict_do_update(
        index_elements=["user_id"], set_={"at": NEXT, "live": CLOCK.c.live + _ONE}, where=HAS_ROOM
    )
    return moved.returning(CLOCK.c.at).cte("clock")


def move(
    *conditions: ColumnElement[bool], live: int = 0, purged: ColumnElement[Any] | None = None
) -> CTE:
    """Move the clock to the version of this change, its column ``at``, if the conditions hold.

    ``live`` is by how many tasks the change adds to those that are not in the trash, ``purged`` the
    version of the newest task that it erases, or NULL.
    """
    values: dict[str, Any] = {"at": NEXT}
    if live:
        values["live"] = CLOCK.c.live + literal_column(str(live))
    if purged is not None:
        values["purged"] = func.greatest(CLOCK.c.purged, purged)
    moved = update(CLOCK).where(OWNED_CLOCK, *conditions).values(values)
    return moved.returning(CLOCK.c.at).cte("clock")


def _then_limit(taken: CTE) -> Select[Any]:
    """Once the lock is taken, limit the next statement to the time that is left."""
    once = select(func.count()).select_from(taken).subquery("once")
    return select(_LIMIT_REST).select_from(once)
