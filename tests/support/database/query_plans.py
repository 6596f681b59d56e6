"""Many tasks of many users, and how PostgreSQL runs the API's messages over them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from api.database.statement import PREFIX, CompiledStatement
from api.tasks import etags
from tests.support.database.embedded_postgres import migrated_postgres

OWNER = "user-7"
FILL = """
SET session_replication_role = replica;  -- the foreign key holds by construction
SELECT setseed(0.5);
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'user-' || n, n, n || '@example.com', false FROM generate_series(0, %(users)s - 1) n;
INSERT INTO task (user_id, title, description, completed_at, priority, due_date, due_at, tags,
                  created_at, updated_at, idempotency_key)
SELECT 'user-' || n %% %(users)s, 'task ' || md5(n::text), 'words ' || md5((-n)::text),
       CASE WHEN luck < 0.3 THEN now() END, (ARRAY['low', 'medium', 'high'])[1 + floor(3 * luck)],
       CASE WHEN luck < 0.7 THEN '2026-12-01' END,
       CASE WHEN luck < 0.7 THEN now() + luck * interval '1 year' END,
       CASE WHEN luck < 0.1 THEN ARRAY['home', 'shop'] ELSE '{}' END,
       now() - n * interval '1 second', now() - luck * interval '1 month', n
FROM (SELECT n, random() AS luck FROM generate_series(1, %(tasks)s) n) AS drawn;
INSERT INTO task_clock (user_id, at, purged, live)
SELECT user_id, max(updated_at), 'epoch', count(*) FROM task GROUP BY user_id;
"""


@contextmanager
def filled(users: int, tasks: int) -> Iterator[Any]:
    """A cursor on a database with so many users and tasks."""
    with populated(users, tasks) as url, cursor_on(url) as cursor:
        yield cursor


@contextmanager
def populated(users: int, tasks: int) -> Iterator[str]:
    """The URL of a database with so many users and tasks."""
    with migrated_postgres("-c", "shared_buffers=1GB") as url:
        with cursor_on(url) as cursor:
            cursor.execute(FILL, {"users": users, "tasks": tasks})
            cursor.execute("VACUUM ANALYZE task, task_clock")
        yield url


@contextmanager
def cursor_on(url: str) -> Iterator[Any]:
    """A cursor whose statements are transactions of their own."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


def plan(
    cursor: Any, message: CompiledStatement, values: dict[str, Any], options: str = "COSTS OFF"
) -> str:
    """The plan of a message, as the API sends it for ``OWNER``."""
    lock = f"{message.lock};" if message.lock else ""
    text = f"{PREFIX.format(milliseconds=9000)} {lock} EXPLAIN ({options}) {message.text}"
    cursor.execute(text, {**message.defaults, **values, "user_id": OWNER})
    return "\n".join(line for (line,) in cursor.fetchall())


def known_tag(cursor: Any, shape: str) -> str:
    """The current tag of a collection of ``OWNER``."""
    cursor.execute(
        "SELECT (at AT TIME ZONE 'UTC')::text || '+00' FROM task_clock WHERE user_id = %s", [OWNER]
    )
    return etags.of_collection(shape, cursor.fetchone()[0])


def milliseconds(analyzed: str) -> float:
    """Planning and execution on the server, of a plan made with ANALYZE."""
    return sum(
        float(found) for found in re.findall(r"(?:Planning|Execution) Time: ([\d.]+)", analyzed)
    )
