"""The feed of changes: each task's latest change, in the order of versions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, NamedTuple

from fastapi import Query
from pydantic import field_validator
from sqlalchemy import text
from sqlmodel import Field, SQLModel
from starlette.requests import Request
from starlette.responses import Response

from api.database.statement import CompiledStatement
from api.problems.catalogue import ResyncRequired
from api.state import state_of
from api.tasks import etags
from api.tasks.feed_position import BEGINNING, Position, decode
from api.tasks.fields import MAX_PAGE_SIZE, Limit
from api.tasks.listing import MAX_PAGE_BYTES
from api.tasks.responses import Known, is_known, json_response, not_modified
from api.tasks.schemas import Changes
from api.tasks.times import to_instant
from api.telemetry import metrics
from api.web.preconditions import IfNoneMatch, known_tags
from api.web.user_route import UserId

# The clock stands in every row. OFFSET keeps the planner from making the JSON twice. The last row
# may be the first that does not fit, as a sign that there is more.
SQL = """
WITH clock AS MATERIALIZED (
    SELECT at, purged, coalesce(CAST(at AS text), '0') AS state
    FROM (SELECT) AS always LEFT JOIN task_clock ON user_id = :user_id
), change AS (
    SELECT task.id, task.updated_at, CAST(CASE WHEN task.deleted_at IS NULL
        THEN (SELECT row_to_json(document) FROM (
            SELECT task.id, task.user_id, task.title, task.description, task.completed,
                task.completed_at, task.priority, task.due_date, task.tags, task.created_at,
                task.updated_at, false AS deleted) AS document)
        ELSE (SELECT row_to_json(document) FROM (
            SELECT task.id, true AS deleted, task.updated_at) AS document)
        END AS text) AS document
    FROM task
    WHERE task.user_id = :user_id
      AND (task.updated_at, task.id) > (CAST(:version AS timestamptz), :id)
      AND (task.deleted_at IS NULL OR task.updated_at > CAST(:start AS timestamptz))
      AND NOT (SELECT state = ANY (CAST(:known_states AS text[])) FROM clock)
    ORDER BY task.updated_at, task.id LIMIT :limit OFFSET 0
), sized AS (
    SELECT change.*, octet_length(document) + 1 AS size,
        sum(octet_length(document) + 1) OVER (ROWS UNBOUNDED PRECEDING) AS sizes
    FROM change
)
SELECT clock.state, clock.at, clock.purged, to_json(clock.at) #>> '{}', document,
    to_json(updated_at) #>> '{}', id, sizes
FROM clock LEFT JOIN sized ON sizes - size < :max_bytes
"""


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
def changes() -> CompiledStatement:
    """The changes after a position, and the clock."""
    return CompiledStatement.of("changes", text(SQL))


class Change(NamedTuple):
    """A row of the statement: the clock, and a change or nothing."""

    state: str
    at: datetime | None
    purged: datetime | None
    clock: str | None
    document: str | None
    version: str
    id: int
    sizes: int


def values(query: ChangesQuery, known: Known) -> dict[str, Any]:
    """The values of the statement; no task is read if the tag is one of ``known``."""
    position = query.position
    start = position.start or "-infinity"
    return {
        "version": position.version or "-infinity",
        "id": position.id,
        "start": "infinity" if position.is_beginning() else start,
        "limit": query.limit + 1,
        "max_bytes": MAX_PAGE_BYTES,
        "known_states": etags.known_states(SHAPE, known),
    }


def page(query: ChangesQuery, rows: Sequence[Change]) -> str:
    """The JSON of the answer; raises ``ResyncRequired``."""
    found = [row for row in rows if row.document]
    shown = [row for row in found[: query.limit] if row.sizes < MAX_PAGE_BYTES]
    more = len(shown) < len(found)
    after = _after(query.position, shown[-1]) if more else _at_clock(rows[0])
    changes = ",".join(str(row.document) for row in shown)
    flag = "true" if more else "false"
    return f'{{"changes":[{changes}],"next":"{after.encode()}","more":{flag}}}'


def _after(position: Position, last: Change) -> Position:
    start = last.clock if position.is_beginning() else position.start
    return Position(last.version, last.id, start)


def _at_clock(row: Change) -> Position:
    """After all changes: the clock, since the version of the last one may be purged."""
    return Position(row.clock) if row.clock else BEGINNING


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
    rows = await state_of(request).database.run(changes(), user_id, **values(query, known))
    found = [Change(*row) for row in rows]
    if query.position.must_resync(found[0].at, found[0].purged):
        raise ResyncRequired
    tag = etags.of_collection(SHAPE, found[0].state)
    if is_known(tag, known):
        return not_modified(tag)
    _record_lag(query.position, found[0])
    return json_response(page(query, found), headers={"ETag": tag})


def _record_lag(position: Position, oldest: Change) -> None:
    """Measure how late a client is; one that loads all tasks is not late."""
    if oldest.document and not position.is_beginning() and not position.start:
        age = datetime.now(UTC) - to_instant(oldest.version)
        metrics.CHANGES_LAG.observe(max(0.0, age.total_seconds()))
