"""The SQL of a list page: filters, sort orders and keyset pagination."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    asc,
    bindparam,
    case,
    collate,
    desc,
    func,
    literal_column,
    not_,
    select,
    true,
    tuple_,
)

from api.database.engine import Rows
from api.database.statement import CompiledStatement
from api.tasks import etags, filters, search
from api.tasks.cursor import NO_DUE_DATE_KEY, decode
from api.tasks.fields import Direction, Sort
from api.tasks.list_query import ListQuery
from api.tasks.schemas import TaskRead
from api.tasks.statements import LIVE, OWNED, TASK_COLUMNS, rows_as_json
from api.tasks.tables import TASK

SORT_KEYS: dict[Sort, ColumnElement[Any]] = {
    "created_at": TASK.c.created_at,
    "updated_at": TASK.c.updated_at,
    "title": collate(TASK.c.title, "C"),
    "priority": TASK.c.priority_rank,
}
MAX_PAGE_BYTES, MAX_TASK_BYTES, MAX_CHARACTER_BYTES = 2**20, 2**15, 4
# So many tasks fit into any page: PostgreSQL need not measure them, which is half of the planning.
MAX_UNMEASURED = MAX_PAGE_BYTES // MAX_TASK_BYTES
# Between the tasks of a page: in JSON as PostgreSQL makes it, a newline is escaped.
SEPARATOR = "\n"
IsKnown = Callable[[ColumnElement[Any]], ColumnElement[bool]]
SHAPE = etags.shape_of([TaskRead])
POSITION = tuple_(bindparam("after_key"), bindparam("after_id"))


def page(
    query: ListQuery, known_tags: Sequence[str] = ()
) -> tuple[CompiledStatement, dict[str, Any]]:
    """The statement of a page and its values; columns as ``in_one_row`` says.

    No task is read if the first column, the state, is one that the client knows.
    """
    values = filters.values(query)
    names = frozenset(values.keys() & filters.FILTERS.keys())
    words, word_values = search.parse(query.search)
    first_page = query.cursor is None
    states = etags.known_states(SHAPE, known_tags)
    form = _Form(
        *(query.sort, query.direction, names, words),
        is_first=first_page,
        is_conditional=bool(states),
        is_measured=query.limit >= MAX_UNMEASURED,
    )
    after = {} if first_page else decode(query.cursor, query.sort, query.direction)
    known = {"known_states": states} if states else {}
    return _page(form), values | word_values | after | known | {"limit": query.limit + 1}


def cut(rows: Rows, limit: int) -> tuple[list[str], bool]:
    """The JSON of each task that belongs to the page, and whether there are more after it."""
    [(_, text)] = rows
    found = text.split(SEPARATOR) if text else []
    fitting = found[:-1] if text and _is_too_long(text) else found
    return fitting[:limit], len(found) > min(limit, len(fitting))


def _is_too_long(text: str) -> bool:
    most = MAX_PAGE_BYTES - 2  # without the brackets
    return len(text) > most // MAX_CHARACTER_BYTES and len(text.encode()) > most


class _Form(NamedTuple):
    """What the text of the statement depends on."""

    sort: Sort
    direction: Direction
    filters: frozenset[str]
    words: search.Shape
    is_first: bool
    is_conditional: bool
    is_measured: bool


@lru_cache(maxsize=512)
def _page(form: _Form) -> CompiledStatement:
    """One index range scan, forwards or backwards: user id and row comparison bound it."""
    key = _due_date_key(form.direction) if form.sort == "due_date" else SORT_KEYS[form.sort]
    position = tuple_(key, TASK.c.id)
    conditions = [OWNED, LIVE, *(filters.FILTERS[name] for name in sorted(form.filters))]
    if not form.is_first:
        conditions.append(position > POSITION if form.direction == "asc" else position < POSITION)
    ordered = asc if form.direction == "asc" else desc
    rows = select(*TASK_COLUMNS).where(*conditions).order_by(ordered(key), ordered(TASK.c.id))
    if form.words:
        searched = search.searched_text()
        rows = rows.select_from(TASK.join(searched, true()))
        rows = rows.where(*search.conditions(form.words, searched))
    rows, state = rows.limit(bindparam("limit")), etags.collection_state()
    is_known = etags.is_known if form.is_conditional else None
    page = in_one_row(rows, state, is_measured=form.is_measured, is_known=is_known)
    return CompiledStatement.of("list", page)


def in_one_row(
    rows: Select[Any], state: ColumnElement[Any], *, is_measured: bool, is_known: IsKnown | None
) -> Select[Any]:
    """One row: the state, and the JSON of all rows of the page in their order.

    The text is NULL if there are no rows, else they are joined by ``SEPARATOR``. There may be one
    more than belongs to the page. With ``is_known`` no row is read if that is true of the state.
    """
    json = rows_as_json(rows.subquery("page"))
    [task] = (_within_bytes(json) if is_measured else json).subquery("tasks").c
    joined = func.string_agg(task, literal_column("chr(10)"))
    if is_known is None:
        return select(state, joined)
    # OFFSET keeps the planner from reading the clock twice.
    once = select(state.label("state")).offset(literal_column("0")).subquery("once")
    page = select(joined).scalar_subquery()
    return select(once.c.state, case((not_(is_known(once.c.state)), page)))


def _within_bytes(json: Select[Any]) -> Select[Any]:
    """Those of the rows that begin within ``MAX_PAGE_BYTES``.

    The last one may not fit, as a sign that there is more.
    """
    # OFFSET keeps the planner from making the JSON twice.
    [task] = json.offset(literal_column("0")).subquery("json").c
    size = func.octet_length(task) + 1
    sizes = func.sum(size).over(rows=(None, 0))
    sized = select(task.label("task"), (sizes - size).label("before")).subquery("sized")
    return select(sized.c.task).where(sized.c.before < MAX_PAGE_BYTES)


def _due_date_key(direction: Direction) -> ColumnElement[Any]:
    """CASE, not COALESCE: the planner treats CASE as leakproof, so under row-level security it may
    still bound the index range.
    """
    last: ColumnElement[Any] = literal_column(f"'{NO_DUE_DATE_KEY[direction]}'::timestamptz")
    return case((TASK.c.due_at.is_(None), last), else_=TASK.c.due_at)
