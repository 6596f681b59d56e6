"""Every sort order is an index range scan: PostgreSQL never sorts a user's tasks."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.tasks.cursor import encode
from api.tasks.list_query import ListQuery
from api.tasks.listing import SHAPE, page
from tests.support.database.query_plans import filled, known_tag, plan

LAST = (
    '{"id": 15000, "created_at": "2026-01-01T00:00:00+00:00", "title": "task 8",'
    '"updated_at": "2026-01-01T00:00:00+00:00", "due_date": "2026-12-01", "priority": "medium"}'
)
FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "pending"},
    {"priority": "high"},
    {"tag": ["home"]},
    {"search": "ab cd"},
    {"due_before": "2030-01-01", "due_from": "2020-01-01"},
    {"due_before": "2030-01-01T00:00:00Z", "due_from": "2020-01-01T00:00:00Z"},
]


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    """A cursor on a database in which each user has 300 tasks."""
    with filled(users=100, tasks=30_000) as cursor:
        yield cursor


def test_a_known_page_reads_no_task(cursor: Any) -> None:
    known = page(ListQuery(), [known_tag(cursor, SHAPE)])
    found = plan(cursor, *known, "ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF")
    [scan] = [line for line in found.splitlines() if "using task_live" in line]

    assert "never executed" in scan


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("part", ["first page", "deep page"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created_at", "updated_at", "title", "due_date", "priority"])
def test_a_page_is_one_index_range(
    cursor: Any, sort: Any, order: Any, part: str, filters: dict[str, Any]
) -> None:
    query = {"sort": sort, "order": order, "limit": "20", **filters}
    if part == "deep page":
        query["cursor"] = encode(sort, order, LAST)
    found = plan(cursor, *page(ListQuery.model_validate(query)))

    assert "Sort" not in found
    assert "Index Scan" in found
    assert part == "first page" or "ROW(" in found.split("Index Cond:", 1)[1].splitlines()[0]
