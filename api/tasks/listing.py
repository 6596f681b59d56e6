"""The SQL of a list page: filters, sort orders and keyset pagination."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Text,
    any_,
    asc,
    bindparam,
    case,
    cast,
    collate,
    desc,
    func,
    literal_column,
    not_,
    null,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

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
MAX_PAGE_BYTES, MAX_TASK_BYTES = 2**20, 2**15
# So many tasks fit into any page: PostgreSQL need not measure them, which is half of the planning.
MAX_UNMEASURED = MAX_PAGE_BYTES // MAX_TASK_BYTES
SHAPE = etags.shape_of([TaskRead])
POSITION = tuple_(bindparam("after_key"), bindparam("after_id"))


def page(
    query: ListQuery, known_tags: Sequence[str] = ()
) -> tuple[CompiledStatement, dict[str, Any]]:
    """The statement of a page and its values.

    Columns: the state of the tag, a task's JSON, and the size in bytes of the page that ends with
    it, or NULL where so few tasks always fit. There may be one row more than belongs to the page.
    Without a task there is one row; no task is read if the client knows the state.
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


def cut(rows: Rows, limit: int) -> list[str]:
    """The tasks that belong to the page; it is not the last page if there are more rows."""
    return [task for _, task, sizes in rows[:limit] if task and (sizes or 0) < MAX_PAGE_BYTES]


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
    rows = rows.limit(bindparam("limit"))
    page = tagged(
        etags.collection_state(),
        rows,
        is_conditional=form.is_conditional,
        is_measured=form.is_measured,
    )
    return CompiledStatement.of("list", page)


def tagged(
    state: ColumnElement[str], rows: Select[Any], *, is_conditional: bool, is_measured: bool
) -> Select[Any]:
    """The state of the tag beside each row of the page, of which nothing is read if it is known."""
    one = select(state.label("state"))
    states: FromClause = one.cte("states") if is_conditional else one.subquery("states")
    if is_conditional:
        known = bindparam("known_states", type_=ARRAY(Text))
        is_known = select(states.c.state == any_(known)).scalar_subquery()
        rows = rows.where(not_(is_known))
    if is_measured:
        tasks = _within_bytes(rows).subquery("tasks")
        columns = [*tasks.c]
    else:
        tasks = rows.subquery("tasks")
        columns = [*rows_as_json(tasks).selected_columns, cast(null(), BigInteger)]
    return select(states.c.state, *columns).select_from(states.outerjoin(tasks, true()))


def _within_bytes(rows: Select[Any]) -> Select[Any]:
    """The rows as JSON, in the order in which they come, and the bytes up to and with each.

    The last row may be the first that does not fit, as a sign that there is more.
    """
    # OFFSET keeps the planner from making the JSON twice.
    json = rows_as_json(rows.subquery("page")).offset(literal_column("0")).subquery("json")
    [task] = json.c
    size = func.octet_length(task) + 1
    sizes = func.sum(size).over(rows=(None, 0))
    sized = select(task.label("task"), sizes.label("sizes"), size.label("size")).subquery("sized")
    fits_before = sized.c.sizes - sized.c.size < MAX_PAGE_BYTES
    return select(sized.c.task, sized.c.sizes).where(fits_before)


def _due_date_key(direction: Direction) -> ColumnElement[Any]:
    """CASE, not COALESCE: the planner treats CASE as leakproof, so under row-level security it may
    still bound the index range.
    """
    last: ColumnElement[Any] = literal_column(f"'{NO_DUE_DATE_KEY[direction]}'::timestamptz")
    return case((TASK.c.due_at.is_(None), last), else_=TASK.c.due_at)
