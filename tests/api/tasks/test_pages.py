"""GET /api/{user_id}/tasks: filters, orders, search, and pages that neither skip nor repeat."""

import itertools
from typing import Any

import pytest

from tests.support.http.client import User

TASKS: list[dict[str, Any]] = [
    {"title": "Äpfel kaufen", "tags": ["shop", "home"], "priority": "low"},
    {"title": "apples", "description": "RED ones", "tags": ["shop"], "due_date": "2026-12-01"},
    {"title": "Zebra", "priority": "high", "due_date": "2026-12-01T09:00:00+02:00"},
    {"title": "100% done", "completed": True, "due_date": "2026-11-30T23:59:59Z"},
    {"title": "a_b", "description": "back\\slash", "completed": True, "priority": "high"},
    {"title": "same", "priority": "low"},
    {"title": "same", "due_date": "2027-01-01", "tags": ["shop", "work"]},
]


@pytest.fixture
def seven_tasks(alice: User) -> User:
    """Alice with seven tasks; the fourth was changed last."""
    ids = [alice.add(**task)["id"] for task in TASKS]
    alice.put(alice.one(ids[3]), json={"priority": "medium"})
    return alice


def positions(user: User, **query: Any) -> list[int]:
    """The index in ``TASKS`` of each task of a page."""
    first = min(task["id"] for task in user.all())
    return [task["id"] - first for task in user.all(**query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1, 0]),
        ({"order": "asc"}, [0, 1, 2, 3, 4, 5, 6]),
        ({"sort": "updated_at"}, [3, 6, 5, 4, 2, 1, 0]),
        ({"sort": "updated_at", "order": "asc"}, [0, 1, 2, 4, 5, 6, 3]),
        ({"sort": "title"}, [3, 2, 4, 1, 5, 6, 0]),
        ({"sort": "title", "order": "desc"}, [0, 6, 5, 1, 4, 2, 3]),
        ({"sort": "priority"}, [4, 2, 6, 3, 1, 5, 0]),
        ({"sort": "priority", "order": "asc"}, [0, 5, 1, 3, 6, 2, 4]),
        ({"sort": "due_date"}, [3, 1, 2, 6, 0, 4, 5]),
        ({"sort": "due_date", "order": "desc"}, [6, 2, 1, 3, 5, 4, 0]),
    ],
)
def test_every_sort_order(seven_tasks: User, query: dict[str, str], expected: list[int]) -> None:
    assert positions(seven_tasks, **query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "all"}, {0, 1, 2, 3, 4, 5, 6}),
        ({"status": "pending"}, {0, 1, 2, 5, 6}),
        ({"status": "completed"}, {3, 4}),
        ({"priority": "high"}, {2, 4}),
        ({"tag": "shop"}, {0, 1, 6}),
        ({"tag": ["shop", "home"]}, {0}),
        ({"tag": "Shop"}, set()),
        ({"search": "apples"}, {1}),
        ({"search": "ÄPFEL"}, {0}),
        ({"search": "red"}, {1}),
        ({"search": " ones  APPL "}, {1}),
        ({"search": "red zebra"}, set()),
        ({"search": "%"}, {3}),
        ({"search": "a_b"}, {4}),
        ({"search": "\\"}, {4}),
        ({"search": ""}, {0, 1, 2, 3, 4, 5, 6}),
        ({"due_before": "2026-12-01"}, {3}),
        ({"due_from": "2026-12-01"}, {1, 2, 6}),
        ({"due_from": "2026-11-30", "due_before": "2026-12-01T08:00:00+01:00"}, {1, 3}),
        ({"due_from": "2026-12-01", "due_before": "2026-12-02"}, {1, 2}),
        ({"due_from": "2026-12-01T00:00:00Z", "due_before": "2026-12-02T00:00:00Z"}, {1, 2}),
        ({"status": "pending", "priority": "low", "tag": "home", "search": "kaufen"}, {0}),
    ],
)
def test_each_filter_selects_the_matching_tasks(
    seven_tasks: User, query: dict[str, Any], expected: set[int]
) -> None:
    assert set(positions(seven_tasks, **query)) == expected


def pages(user: User, **query: Any) -> list[list[int]]:
    """The ids of every page, following ``Link``."""
    found = []
    response = user.get(user.tasks, params=query)
    while True:
        found.append([task["id"] for task in response.json()])
        if "next" not in response.links:
            return found
        response = user.get(response.links["next"]["url"])


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created_at", "updated_at", "title", "due_date", "priority"])
def test_pages_together_are_the_whole_list(
    seven_tasks: User, sort: str, order: str, limit: int
) -> None:
    query = {"sort": sort, "order": order}
    found = pages(seven_tasks, **query, limit=limit)

    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert list(itertools.chain(*found)) == [task["id"] for task in seven_tasks.all(**query)]


def test_a_page_keeps_its_filters(seven_tasks: User) -> None:
    found = pages(seven_tasks, tag=["shop"], search="a", sort="title", limit=1)

    assert [len(page) for page in found] == [1, 1, 1]


def test_new_tasks_do_not_shift_the_next_page(seven_tasks: User) -> None:
    first = seven_tasks.get(seven_tasks.tasks, params={"limit": 3})
    seven_tasks.add("in between")
    second = seven_tasks.get(first.links["next"]["url"])

    titles = [task["title"] for task in first.json() + second.json()]
    assert titles == [task["title"] for task in reversed(TASKS)][:6]


def test_a_cursor_works_after_its_task_was_deleted(seven_tasks: User) -> None:
    first = seven_tasks.get(seven_tasks.tasks, params={"limit": 2})
    seven_tasks.delete(seven_tasks.one(first.json()[-1]["id"]))

    rest = seven_tasks.get(first.links["next"]["url"]).json()
    assert rest[0]["title"] == TASKS[4]["title"]


def test_a_task_whose_sort_key_changes_while_paging_can_be_missed_or_repeated(
    seven_tasks: User,
) -> None:
    """What api/README.md says: pages follow the key, and only tasks whose key changes can move."""
    ids = [task["id"] for task in seven_tasks.all(sort="title")]
    first = seven_tasks.get(seven_tasks.tasks, params={"sort": "title", "limit": 3})
    seven_tasks.put(seven_tasks.one(ids[5]), json={"title": "!"})
    seven_tasks.put(seven_tasks.one(ids[0]), json={"title": "~"})
    rest = seven_tasks.get(first.links["next"]["url"].replace("limit=3", "limit=9")).json()

    assert ids[:3] == [task["id"] for task in first.json()]
    assert [task["id"] for task in rest] == [ids[3], ids[4], ids[0], ids[6]]


def test_another_users_cursor_gives_no_access_to_their_tasks(seven_tasks: User, bob: User) -> None:
    bob.add("mine")
    link = seven_tasks.get(seven_tasks.tasks, params={"limit": 1}).links["next"]["url"]

    found = bob.get(link.replace(seven_tasks.tasks, bob.tasks)).json()
    assert {task["user_id"] for task in found} <= {bob.user_id}


def test_a_full_page_links_to_the_next_page(alice: User) -> None:
    for number in range(1001):
        alice.add(f"{number}")
    response = alice.get(alice.tasks)

    assert len(response.json()) == 1000
    assert [task["title"] for task in alice.get(response.links["next"]["url"]).json()] == ["0"]


def test_a_user_without_tasks_gets_an_empty_array(alice: User) -> None:
    response = alice.get(alice.tasks)

    assert (response.status_code, response.text) == (200, "[]")
    assert "link" not in response.headers
