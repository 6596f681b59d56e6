"""A page ends at its limit or at 1 MiB of JSON, and announces what follows either way."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import psutil
import psycopg2
import pytest

from tests.support.http.client import User
from tests.support.http.gunicorn import gunicorn

MEBIBYTE = 2**20
EMOJI = "\U0001f600"
COUNT = 200
# The largest task: each character takes four bytes.
FILL = """
INSERT INTO task (user_id, title, description, priority, tags, idempotency_key)
SELECT %(user)s, repeat(%(emoji)s, 255), repeat(%(emoji)s, 5000), 'medium',
       ARRAY(SELECT repeat(%(emoji)s, 49) || chr(97 + i) FROM generate_series(0, 19) i),
       'key ' || n
FROM generate_series(1, %(count)s) n
"""


def fill(database_url: str, user: User, count: int) -> None:
    """Give the user that many of the largest tasks, and one small one that is the newest."""
    user.add("first")  # makes the user row
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(FILL, {"user": user.user_id, "emoji": EMOJI, "count": count})
    connection.close()


@pytest.fixture
def rich(alice: User, database_url: str) -> User:
    """A user with tasks of 5 MB."""
    fill(database_url, alice, COUNT)
    return alice


@pytest.mark.parametrize("query", [{}, {"sort": "title", "order": "desc"}, {"search": "first"}])
def test_pages_of_large_tasks_together_are_the_whole_list(
    rich: User, query: dict[str, str]
) -> None:
    response = rich.get(rich.tasks, params=query)
    sizes, ids = [len(response.content)], [task["id"] for task in response.json()]
    while "next" in response.links:
        response = rich.get(response.links["next"]["url"])
        sizes.append(len(response.content))
        ids += [task["id"] for task in response.json()]

    expected = 1 if "search" in query else COUNT + 1
    assert len(ids) == len({*ids}) == expected
    assert max(sizes) <= MEBIBYTE
    assert all(size > MEBIBYTE - 32 * 1024 for size in sizes[:-1])


def test_a_page_ends_at_its_limit_first(rich: User) -> None:
    response = rich.get(rich.tasks, params={"limit": 10})

    assert len(response.json()) == 10
    assert "next" in response.links


def test_a_page_that_ends_with_the_last_task_announces_none(rich: User) -> None:
    response = rich.get(rich.tasks, params={"limit": COUNT + 1, "search": "first"})

    assert len(response.json()) == 1
    assert "next" not in response.links


@pytest.mark.slow
def test_twelve_of_the_largest_lists_at_once_are_answered_in_bounded_memory(
    database_url: str, new_user: Callable[[], User]
) -> None:
    """A page of 1,000 of these tasks would be 26 MB; the workers' growth is printed."""
    users = [new_user() for _ in range(12)]
    for user in users:
        fill(database_url, user, 1000)
    with gunicorn(database_url) as server, ThreadPoolExecutor(len(users)) as pool:
        workers = [psutil.Process(worker) for worker in server.workers()]
        before = sum(worker.memory_info().rss for worker in workers)
        headers = [dict(user.headers) for user in users]
        urls = [f"{server.base}{user.tasks}" for user in users]

        def read(number: int) -> tuple[int, int]:
            response = httpx.get(urls[number], headers=headers[number], timeout=30)
            return response.status_code, len(response.content)

        found = list(pool.map(read, [*range(12)] * 3))
        grown = sum(worker.memory_info().rss for worker in workers) - before
    print(f"{grown / MEBIBYTE:.0f} MiB more in two workers after 36 lists")

    assert {status for status, _ in found} == {200}
    assert max(size for _, size in found) <= MEBIBYTE
    assert grown < 36 * MEBIBYTE
