"""The feed of changes: each task's latest change, in the order of versions."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from fastapi import Query
from pydantic import field_validator
from sqlalchemy import DateTime, Select, bindparam, cast, select, tuple_
from sqlmodel import Field, SQLModel
from starlette.requests import Request
from starlette.responses import Response

from api.config import strict_json
from api.database.engine import Rows
from api.database.statement import CompiledStatement
from api.problems.catalogue import ResyncRequired
from api.state import state_of
from api.tasks import clock, etags
from api.tasks.feed_position import BEGINNING, Position, decode
from api.tasks.fields import MAX_PAGE_SIZE, Limit
from api.tasks.listing import MAX_UNMEASURED, SEPARATOR, cut, in_one_row
from api.tasks.responses import Known, is_known, json_response, not_modified
from api.tasks.schemas import Changes
from api.tasks.statements import LIVE, OWNED, TASK_COLUMNS
from api.tasks.tables import TASK
from api.tasks.times import to_instant
from api.telemetry import metrics
from api.web.preconditions import IfNoneMatch, known_tags
from api.web.user_route import UserId

TIME = DateTime(timezone=True)
# How the JSON of a deleted task ends.
DELETED = '"deleted":true}'
SHAPE = etags.shape_of([Changes])


class ChangesQuery(SQLModel):
    """The position in the feed, and the most changes of an answer."""

    since: str = Field(
        default=None, description="`next` of an earlier answer; without it, every live task."
    )
    limit: Limit = MAX_PAGE_SIZE

    @field_validator("since")
    @classmethod
    def _check_since(cls, since: str) -> str:
        decode(since)
        return since

    @property
    def position(self) -> Position:
        """What the client knows."""
        return BEGINNING if self.since is None else decode(self.since)


@cache
def changes(*, is_conditional: bool, is_measured: bool) -> CompiledStatement:
    """The tasks that changed after a position; the state is the clock, ``at`` and ``purged``."""
    position = tuple_(cast(bindparam("version"), TIME), bindparam("id"))
    is_after = tuple_(TASK.c.updated_at, TASK.c.id) > position
    is_shown = LIVE | (TASK.c.updated_at > cast(bindparam("start"), TIME))
    is_deleted = TASK.c.deleted_at.is_not(None).label("deleted")
    rows: Select[Any] = select(*TASK_COLUMNS, is_deleted).where(OWNED, is_after, is_shown)
    rows = rows.order_by(TASK.c.updated_at, TASK.c.id).limit(bindparam("limit"))
    is_known = (lambda times: etags.is_known(times[1])) if is_conditional else None
    page = in_one_row(rows, clock.read(), is_measured=is_measured, is_known=is_known)
    return CompiledStatement.of("changes", page)


def statement(query: ChangesQuery, known: Known) -> tuple[CompiledStatement, dict[str, Any]]:
    """The statement and its values; a fresh start reads no task if its tag is one of ``known``."""
    position = query.position
    start = position.start or "-infinity"
    # After a position a known answer is nearly always empty: to compare costs more than to read.
    states = etags.known_states(SHAPE, known) if position.is_beginning() else []
    values = {
        "version": position.version or "-infinity",
        "id": position.id,
        "start": "infinity" if position.is_beginning() else start,
        "limit": query.limit + 1,
    }
    is_measured = query.limit >= MAX_UNMEASURED
    text = changes(is_conditional=bool(states), is_measured=is_measured)
    return text, values | ({"known_states": states} if states else {})


def page(query: ChangesQuery, rows: Rows, at: datetime | None) -> str:
    """The JSON of the answer."""
    documents, more = cut(rows, query.limit)
    after = _after(query.position, documents[-1], at) if more else _at_clock(at)
    shown = ",".join(map(_change, documents))
    flag = "true" if more else "false"
    return f'{{"changes":[{shown}],"next":"{after.encode()}","more":{flag}}}'


def _change(document: str) -> str:
    """The task, or of one that was deleted only that."""
    if not document.endswith(DELETED):
        return document
    task = strict_json.parse(document.encode())
    return f'{{"id":{task["id"]},"deleted":true,"updated_at":"{task["updated_at"]}"}}'


def _after(position: Position, last: str, at: datetime | None) -> Position:
    task = strict_json.parse(last.encode())
    start = at.isoformat() if at and position.is_beginning() else position.start
    return Position(task["updated_at"], task["id"], start)


def _at_clock(at: datetime | None) -> Position:
    """After all changes: the clock, since the version of the last one may be purged."""
    return Position(at.isoformat()) if at else BEGINNING


async def read_changes(
    user_id: UserId,
    query: Annotated[ChangesQuery, Query()],
    request: Request,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List what changed since ``next`` of an earlier answer; without ``since``, every live task.

    Follow ``next`` while there is ``more``. With 410 start again without ``since``.
    """
    known = known_tags(if_none_match)
    changes, values = statement(query, known)
    rows = await state_of(request).database.run(changes, user_id, **values)
    state, at, purged = clock.parse(rows[0][0])
    if query.position.must_resync(at, purged):
        raise ResyncRequired
    tag = etags.of_collection(SHAPE, state)
    if is_known(tag, known):
        return not_modified(tag)
    _record_lag(query.position, rows)
    return json_response(page(query, rows, at), headers={"ETag": tag})


def _record_lag(position: Position, rows: Rows) -> None:
    """Measure how late a client is; one that loads all tasks is not late."""
    [(_, text)] = rows
    if text and not position.is_beginning() and not position.start:
        oldest = strict_json.parse(text.partition(SEPARATOR)[0].encode())
        age = datetime.now(UTC) - to_instant(oldest["updated_at"])
        metrics.CHANGES_LAG.observe(max(0.0, age.total_seconds()))
