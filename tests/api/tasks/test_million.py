"""A million tasks of ten thousand users: every operation is an index scan without a sort.

``python -m pytest -s tests/api/tasks/test_million.py`` prints the server's times.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from api.database.statement import CompiledStatement
from api.tasks import statements
from api.tasks.cursor import encode
from api.tasks.listing import page
from api.tasks.schemas import ListQuery
from tests.support.database.query_plans import OWNER, filled, milliseconds, plan

pytestmark = pytest.mark.slow

RUNS = 5
SORTS = ["created_at", "updated_at", "title", "due_date", "priority"]
FILTERS: list[dict[str, Any]] = [
    {"status": "pending"},
    {"priority": "high"},
    {"tag": ["home"]},
    {"search": "ab cd"},
    {"due_before": "2027-01-01"},
    {"due_after": "2027-01-01"},
]


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    """A cursor on the million."""
    with filled(users=10_000, tasks=1_000_000) as cursor:
        yield cursor


def check(cursor: Any, name: str, message: CompiledStatement, values: dict[str, Any]) -> None:
    """Run a message some times, and look at the plan of the fastest run."""
    options = "ANALYZE, BUFFERS, COSTS OFF"
    plans = [plan(cursor, message, values, options) for _ in range(RUNS)]
    best = min(plans, key=milliseconds)
    print(f"{name:60} {milliseconds(best):6.3f} ms")

    assert "Sort" not in best
    assert "Seq Scan" not in best
    assert "Index Scan" in best


def asked(cursor: Any, query: dict[str, Any]) -> None:
    """Check the page that a query asks for."""
    name = " ".join(f"{key}={value}" for key, value in query.items() if key != "cursor")
    deep = "deep " if "cursor" in query else ""
    listed = ListQuery.model_validate({"limit": "20", **query})
    check(cursor, f"{deep}{name}", *page(listed))


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
def test_the_first_and_a_deep_page(cursor: Any, sort: Any, order: Any) -> None:
    message, values = page(ListQuery(sort=sort, order=order))
    cursor.execute(message.text, {**message.defaults, **values, "owner": OWNER})
    seventieth = cursor.fetchall()[70][0]

    asked(cursor, {"sort": sort, "order": order})
    asked(cursor, {"sort": sort, "order": order, "cursor": encode(sort, order, seventieth)})


@pytest.mark.parametrize("query", FILTERS, ids=str)
def test_each_filter(cursor: Any, query: dict[str, Any]) -> None:
    asked(cursor, query)


def test_one_task(cursor: Any) -> None:
    cursor.execute("SELECT id FROM task WHERE user_id = %s LIMIT 1", [OWNER])
    own = {"id": cursor.fetchone()[0]}

    check(cursor, "by id", statements.read(), own)
    check(cursor, "toggle", statements.toggle(), own)
    check(cursor, "update", statements.change(frozenset({"title"})), {**own, "title": "new"})
    check(cursor, "delete", statements.remove(), own)
