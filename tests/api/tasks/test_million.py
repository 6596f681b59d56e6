"""A million tasks of ten thousand users: every operation is an index scan without a sort.

``python -m pytest -s tests/api/tasks/test_million.py`` prints the server-side times.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg2.extensions import AsIs

from api.database.statement import CompiledStatement
from api.tasks import batch_statement, changes, create_statement, statements, trash
from api.tasks.batch_body import Batch
from api.tasks.changes import ChangesQuery
from api.tasks.cursor import encode
from api.tasks.feed_position import Position
from api.tasks.list_query import ListQuery
from api.tasks.listing import SEPARATOR, page
from api.tasks.schemas import TaskCreate
from tests.support.database.query_plans import OWNER, filled, known_tag, milliseconds, plan

pytestmark = pytest.mark.slow

RUNS = 5
NEW: dict[str, Any] = {
    **TaskCreate(title="new").columns(),
    "due_at": None,
    "idempotency_key": "new",
    "request_hash": None,
    "max_tasks": 1000,
}
SORTS = ["created_at", "updated_at", "title", "due_date", "priority"]
FILTERS: list[dict[str, Any]] = [
    {"status": "pending"},
    {"priority": "high"},
    {"tag": ["home"]},
    {"search": "ab cd"},
    {"due_before": "2027-01-01"},
    {"due_from": "2027-01-01"},
    {"due_from": "2027-01-01T00:00:00Z"},
]


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    """A cursor on a database with a million tasks."""
    with filled(users=10_000, tasks=1_000_000) as cursor:
        yield cursor


def check_plan(cursor: Any, name: str, message: CompiledStatement, values: dict[str, Any]) -> None:
    """Run a statement a few times and check the plan of the fastest run."""
    options = "ANALYZE, BUFFERS, COSTS OFF"
    plans = [plan(cursor, message, values, options) for _ in range(RUNS)]
    best = min(plans, key=milliseconds)
    print(f"{name:60} {milliseconds(best):6.3f} ms")

    assert "Sort" not in best
    assert "Seq Scan" not in best
    assert re.search("Index (Only )?Scan|Conflict Arbiter Indexes", best)


def check_page(cursor: Any, query: dict[str, Any]) -> None:
    """Check the plan of the page that a query selects."""
    name = " ".join(f"{key}={value}" for key, value in query.items() if key != "cursor")
    deep = "deep " if "cursor" in query else ""
    listed = ListQuery.model_validate({"limit": "20", **query})
    check_plan(cursor, f"{deep}{name}", *page(listed))


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
def test_first_and_deep_pages_use_an_index(cursor: Any, sort: Any, order: Any) -> None:
    message, values = page(ListQuery(sort=sort, order=order))
    cursor.execute(message.text, {**message.defaults, **values, "user_id": OWNER})
    [(_, text)] = cursor.fetchall()
    seventieth = text.split(SEPARATOR)[70]

    check_page(cursor, {"sort": sort, "order": order})
    check_page(cursor, {"sort": sort, "order": order, "cursor": encode(sort, order, seventieth)})


@pytest.mark.parametrize("query", FILTERS, ids=str)
def test_each_filter_uses_an_index(cursor: Any, query: dict[str, Any]) -> None:
    check_page(cursor, query)


def test_operations_on_one_task_use_an_index(cursor: Any) -> None:
    cursor.execute("SELECT id FROM task WHERE user_id = %s LIMIT 1", [OWNER])
    own = {"id": cursor.fetchone()[0]}

    check_plan(cursor, "by id", statements.read(), own)
    check_plan(cursor, "toggle", statements.toggle(), own)
    check_plan(cursor, "update", statements.change(frozenset({"title"})), {**own, "title": "new"})
    days = {"trash_days": 30}
    check_plan(cursor, "delete", trash.remove(), own | days)
    with_key = create_statement.create(creates_user=True, has_key=True)
    check_plan(cursor, "create with a key", with_key, NEW)
    create = create_statement.create(creates_user=True, has_key=False)
    check_plan(cursor, "create", create, NEW | {"idempotency_key": AsIs("gen_random_uuid()")})
    check_plan(cursor, "restore", trash.restore(), {**own, **days, "max_tasks": 0})
    check_plan(cursor, "erase", trash.erase(), own | days)


def test_conditional_operations_use_an_index(cursor: Any) -> None:
    cursor.execute("SELECT id FROM task WHERE user_id = %s LIMIT 1", [OWNER])
    own = {"id": cursor.fetchone()[0], "if_match": ['"a"', '"b"']}

    check_plan(cursor, "toggle if", statements.toggle(checked=True), own)
    check_plan(cursor, "delete if", trash.remove(checked=True), {**own, "trash_days": 30})


def test_a_full_trash_is_listed_and_emptied_by_an_index(cursor: Any) -> None:
    cursor.execute(
        "UPDATE task SET deleted_at = now() - id %% 60 * interval '1 day'"
        " WHERE user_id = 'user-8' OR user_id = %s AND id %% 2 = 0",
        [OWNER],
    )
    cursor.execute("VACUUM ANALYZE task")
    cursor.execute("SELECT id FROM task WHERE user_id = %s AND deleted_at IS NULL", [OWNER])
    own = {"id": cursor.fetchone()[0], "trash_days": 30}
    position = {"after_key": "2026-11-01T00:00:00Z", "after_id": 1}
    values = {"limit": 21, "trash_days": 30}

    check_plan(cursor, "trash", trash.page(is_first=True, is_conditional=False), values)
    deep = trash.page(is_first=False, is_conditional=True)
    check_plan(cursor, "deep trash", deep, {**values, **position, "known_states": ["a"]})
    check_plan(cursor, "delete", trash.remove(), own)


@pytest.mark.parametrize("since", ["", "a version", "a fresh start"])
def test_changes_use_an_index(cursor: Any, since: str) -> None:
    start = "2026-11-01T00:00:00Z" if since == "a fresh start" else None
    position = Position("2026-01-01T00:00:00Z", 1, start)
    query = ChangesQuery(since=position.encode()) if since else ChangesQuery()

    check_plan(cursor, f"changes since {since}", *changes.statement(query, []))


def test_known_changes_read_no_task(cursor: Any) -> None:
    known = changes.statement(ChangesQuery(), [known_tag(cursor, changes.SHAPE)])
    found = plan(cursor, *known, "ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF")

    scans = [line for line in found.splitlines() if "using task_updated_at" in line]
    assert len(scans) == 1
    assert "never executed" in scans[0]


def test_a_batch_of_100_reads_its_tasks_alone(cursor: Any) -> None:
    cursor.execute(
        "SELECT id FROM task WHERE user_id = %s AND deleted_at IS NULL LIMIT 30", [OWNER]
    )
    ids = [task for (task,) in cursor.fetchall()]
    new = {"op": "create", "task": {"title": "new"}}
    updates = [{"op": "update", "id": task, "changes": {"title": "new"}} for task in ids[:15]]
    deletes = [{"op": "delete", "id": task} for task in ids[15:]]
    batch = Batch.model_validate({"operations": [*updates, *deletes, *[new] * (100 - len(ids))]})
    values = {
        "operations": batch.rows(),
        "idempotency_key": "key",
        "request_hash": "hash",
        "trash_days": 30,
        "max_tasks": 100_000,
    }
    message = batch_statement.batch(creates=True, creates_user=True, has_key=True)
    cursor.execute(
        "INSERT INTO task_batch (user_id, idempotency_key, request_hash, task_ids)"
        " SELECT %s, n, n, '{}' FROM generate_series(1, 5000) n",
        [OWNER],
    )
    cursor.execute("VACUUM ANALYZE task_batch")

    found = plan(cursor, message, values, "ANALYZE, COSTS OFF")

    print(f"{'batch of 100':60} {milliseconds(found):6.3f} ms")
    assert not re.search(r"Seq Scan on task\b(?!_)", found), found
    # Nor the keys of other batches.
    [expired] = re.findall(
        r"using task_batch_created_at on task_batch .*actual .*rows=(\S+)", found
    )
    assert float(expired) == 0, found
    assert "Rows Removed by Filter: 5000" not in found
