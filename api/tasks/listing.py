"""The SQL of a list page: filters, sort orders and keyset pagination."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
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
    union_all,
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
# Of a response; one task has less than 32 KiB.
MAX_PAGE_BYTES = 2**20
SHAPE = etags.shape_of([TaskRead])
POSITION = tuple_(bindparam("after_key"), bindparam("after_id"))


def page(
    query: ListQuery, known_tags: Sequence[str] = ()
) -> tuple[CompiledStatement, dict[str, Any]]:
    """The statement of a page and its values.

    The first row has the entity tag; if it is one of ``known_tags``, no task is read. Columns of
    the others: a task's JSON, and the size of the page that ends with it. There may be one row
    more than belongs to the page.
    """
    values = filters.values(query)
    names = frozenset(values.keys() & filters.FILTERS.keys())
    words, word_values = search.parse(query.search)
    first_page = query.cursor is None
    form = _Form(query.sort, query.direction, names, words, first_page, bool(known_tags))
    after = {} if first_page else decode(query.cursor, query.sort, query.direction)
    known = {"if_none_match": [*known_tags]} if known_tags else {}
    return _page(form), values | word_values | after | known | {"limit": query.limit + 1}


def cut(rows: Rows, limit: int) -> list[str]:
    """The tasks that belong to the page; it is not the last page if there are more rows."""
    return [task for task, sizes in rows[1 : limit + 1] if sizes < MAX_PAGE_BYTES]


class _Form(NamedTuple):
    """What the text of the statement depends on."""

    sort: Sort
    direction: Direction
    filters: frozenset[str]
    words: search.Shape
    is_first: bool
    is_conditional: bool


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
    tag = etags.of_collection(SHAPE)
    return CompiledStatement.of("list", tagged(tag, rows, is_conditional=form.is_conditional))


def tagged(
    tag: ColumnElement[str], rows: Select[Any], *, is_conditional: bool
) -> CompoundSelect[Any]:
    """A row with the tag, then the page; nothing of it is read if the client knows the tag."""
    tags = select(tag.label("tag")).cte("tags")
    if is_conditional:
        is_known = select(etags.matches(tags.c.tag, "if_none_match")).scalar_subquery()
        rows = rows.where(not_(is_known))
    return union_all(select(tags.c.tag, cast(null(), BigInteger)), _within_bytes(rows))


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
