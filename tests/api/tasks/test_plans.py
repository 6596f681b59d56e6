"""Every order is read from an index, in order: PostgreSQL never sorts a user's tasks."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from api.database.engine import PREFIX
from api.tasks.cursor import encode
from api.tasks.models import ListQuery
from api.tasks.pages import page
from tests.support.database import migrated

OWNER = "user-7"
USERS, TASKS = 100, 30_000
FILL = """
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'user-' || n, n, n || '@example.com', false FROM generate_series(0, %(users)s - 1) n;
INSERT INTO task (user_id, title, priority, due_date, due_at, tags, created_at, updated_at,
                  idempotency_key)
SELECT 'user-' || n %% %(users)s, md5(n::text), (ARRAY['low', 'medium', 'high'])[1 + n %% 3],
       CASE WHEN n %% 4 > 0 THEN 'x' END,
       CASE WHEN n %% 4 > 0 THEN now() + n * interval '1 minute' END,
       '{}', now() + n * interval '1 second', now() - n * interval '1 second', n
FROM generate_series(1, %(tasks)s) n;
"""
SELECTIVE: list[dict[str, Any]] = [{"tag": ["x"]}, {"search": "ab cd"}]
LAST = (
    '{"id": 15000, "created_at": "2026-01-01T00:00:00+00:00", "title": "8",'
    '"updated_at": "2026-01-01T00:00:00+00:00", "due_date": "2026-12-01", "priority": "medium"}'
)
FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "pending"},
    {"priority": "high"},
    {"due_before": "2030-01-01", "due_after": "2020-01-01"},
]


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    """A cursor on a database with many tasks of many users."""
    with migrated() as url:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(FILL, {"users": USERS, "tasks": TASKS})
            cursor.execute("VACUUM ANALYZE task")
            yield cursor
        connection.close()


def plan(cursor: Any, query: ListQuery) -> str:
    """How PostgreSQL would run the page, as the API sends it."""
    message, values = page(query)
    text = f"{PREFIX.format(milliseconds=9000)} EXPLAIN (COSTS OFF) {message.text}"
    cursor.execute(text, {**message.defaults, **values, "owner": OWNER})
    return "\n".join(line for (line,) in cursor.fetchall())


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
    found = plan(cursor, ListQuery.model_validate(query))

    assert "Sort" not in found
    assert "Index Scan" in found
    assert part == "first page" or "ROW(" in found.split("Index Cond:", 1)[1].splitlines()[0]


@pytest.mark.parametrize("filters", SELECTIVE, ids=str)
def test_a_rare_match_is_looked_for_among_the_users_own_tasks(
    cursor: Any, filters: dict[str, Any]
) -> None:
    found = plan(cursor, ListQuery.model_validate({"limit": "20", **filters}))

    assert "Seq Scan" not in found
    assert f"Index Cond: (user_id = '{OWNER}'::text)" in found
