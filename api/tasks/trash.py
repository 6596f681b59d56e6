"""The SQL of the trash: deleted tasks, for ``trash_days`` days.

What is older is hidden at once, and erased with the user's next delete.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    null,
    select,
    true,
    tuple_,
    update,
)

from api.database.statement import CompiledStatement
from api.tasks import clock, etags
from api.tasks.listing import POSITION, in_one_row
from api.tasks.schemas import TrashedTask
from api.tasks.statements import (
    LIVE,
    OWNED,
    OWNED_TASK,
    TASK_COLUMNS,
    find,
    is_current,
    rows_as_json,
)
from api.tasks.tables import TASK

# So many at a time, so that a delete stays quick.
MOST_ERASED = 1000
_OLDEST = func.now() - func.make_interval(0, 0, 0, bindparam("trash_days", type_=Integer))
TRASHED = TASK.c.deleted_at > _OLDEST
EXPIRED = TASK.c.deleted_at <= _OLDEST
TRASH_COLUMNS = [TASK.c[name] for name in TrashedTask.model_fields]
SHAPE = etags.shape_of([TrashedTask])


@cache
def page(*, is_first: bool, is_conditional: bool) -> CompiledStatement:
    """The tasks, newest first; columns as those of a list's page.

    The trash changes with time too, without a move of the clock: the tag has its oldest task.
    """
    rows = select(*TRASH_COLUMNS).where(OWNED, TRASHED)
    position = tuple_(TASK.c.deleted_at, TASK.c.id)
    if not is_first:
        rows = rows.where(position < POSITION)
    rows = rows.order_by(TASK.c.deleted_at.desc(), TASK.c.id.desc()).limit(bindparam("limit"))
    oldest = select(TASK.c.deleted_at).where(OWNED, TRASHED).order_by(TASK.c.deleted_at, TASK.c.id)
    state = etags.collection_state(oldest.limit(literal_column("1")).scalar_subquery())
    is_known = etags.is_known if is_conditional else None
    return CompiledStatement.of(
        "trash", in_one_row(rows, state, is_measured=True, is_known=is_known)
    )


@cache
def remove(*, checked: bool = False) -> CompiledStatement:
    """Put the task into the trash and return its last state; erase what is too old there."""
    found = find(LIVE)
    applies = is_current(found, checked=checked)
    expired = _erase_oldest(EXPIRED, applies)
    purged = select(func.max(expired.c.updated_at)).scalar_subquery()
    at = clock.move(applies, live=-1, purged=purged)
    moved = {"deleted_at": at.c.at, "updated_at": at.c.at}
    done = update(TASK).where(OWNED_TASK).values(moved).returning(TASK.c.id).cte("done")
    return _gone("remove", found, done, checked=checked)


@cache
def remove_at_once(*, checked: bool = False) -> CompiledStatement:
    """Erase the task and return its last state; ``purged`` is the version of the delete.

    A trash that was filled while there was one is erased with it.
    """
    found = find(LIVE)
    at = clock.move(is_current(found, checked=checked), live=-1, purged=clock.NEXT)
    trash = _erase_oldest(TASK.c.deleted_at.is_not(None), exists(select(at.c.at)))
    return _gone("remove", found, _erased(at), trash, checked=checked)


@cache
def erase(*, checked: bool = False) -> CompiledStatement:
    """Erase a task of the trash and return its last state."""
    found = find(TRASHED, TASK.c.deleted_at)
    purged = select(found.c.updated_at).scalar_subquery()
    at = clock.move(is_current(found, checked=checked), purged=purged)
    return _gone("erase", found, _erased(at), checked=checked)


@cache
def restore(*, checked: bool = False) -> CompiledStatement:
    """Take the task out of the trash.

    One more column, whether the condition holds: if so and the text is NULL, the user has
    ``max_tasks`` tasks.
    """
    found = find(TRASHED)
    applies = is_current(found, checked=checked)
    at = clock.move(applies, clock.HAS_ROOM, live=1)
    moved = {"deleted_at": null(), "updated_at": at.c.at}
    done = update(TASK).where(OWNED_TASK).values(moved).returning(*TASK_COLUMNS).cte("done")
    version = func.coalesce(done.c.updated_at, found.c.updated_at)
    answer = rows_as_json(done, found.outerjoin(done, true())).add_columns(
        etags.of_version(version), applies
    )
    return CompiledStatement.of("restore", answer, writes=True, lock=clock.take())


def _erase_oldest(*conditions: ColumnElement[bool]) -> CTE:
    oldest = select(TASK.c.id).where(OWNED, *conditions).order_by(TASK.c.deleted_at, TASK.c.id)
    few = TASK.c.id.in_(oldest.limit(literal_column(str(MOST_ERASED))))
    return delete(TASK).where(OWNED, few).returning(TASK.c.updated_at).cte("expired")


def _erased(at: CTE) -> CTE:
    erased = delete(TASK).where(OWNED_TASK, exists(select(at.c.at)))
    return erased.returning(TASK.c.id).cte("done")


def _gone(name: str, found: CTE, done: CTE, *more: CTE, checked: bool) -> CompiledStatement:
    """The task as it was, where ``done`` has it."""
    answer = rows_as_json(found).add_cte(done)
    if checked:
        [document] = rows_as_json(found).selected_columns
        text: ColumnElement[Any] = case((done.c.id.is_not(None), document))
        tag = etags.of_version(found.c.updated_at)
        answer = select(text, tag).select_from(found.outerjoin(done, true()))
    return CompiledStatement.of(name, answer.add_cte(*more), writes=True, lock=clock.take())
