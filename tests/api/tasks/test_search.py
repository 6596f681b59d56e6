"""The search of a list: folded alike on both sides, and bounded whatever stands in it.

``python -m pytest -s tests/api/tasks/test_search.py -m slow`` prints the server's CPU times.
"""

from collections.abc import Callable, Iterator
from typing import Any
from unicodedata import normalize

import psutil
import pytest

from api.tasks.list_query import ListQuery
from api.tasks.listing import page
from tests.support.database.query_plans import OWNER, filled, plan
from tests.support.http.client import User

DESERET_UPPER, DESERET_LOWER = "\U00010400", "\U00010428"
ENDINGS = "bcdefghijk"
LENGTH = 5000
# Text of every task, and words that nearly occur everywhere; all but the last do, at its end.
HOSTILE: dict[str, tuple[str, list[str]]] = {
    "differs at the end": ("a", ["a" * 17 + end for end in ENDINGS]),
    "differs at the beginning": ("a", [end + "a" * 17 for end in ENDINGS]),
    "differs in the middle": ("a", ["a" * 8 + end + "a" * 8 for end in ENDINGS]),
    "one long word": ("a", ["a" * 199 + "b"]),
    "one long word, first character": ("a", ["b" + "a" * 199]),
    "other plane": (DESERET_LOWER, [DESERET_LOWER * 17 + end for end in ENDINGS]),
    "other plane, beginning": (DESERET_LOWER, [end + DESERET_LOWER * 17 for end in ENDINGS]),
    "upper case": (DESERET_UPPER, [DESERET_UPPER * 17 + end for end in ENDINGS]),
    "two forms": ("a", ["a" * 17 + end for end in "áâàäãåāăąǎ"]),
    "decomposed": ("e\u0301", ["e\u0301" * 8 + end for end in ENDINGS]),
    "three forms": ("a", ["a" * 15 + f"{end}é" for end in ("e\u0301", "a\u0301", "o\u0301")]),
    "combining marks": ("\u0301\u0323", ["\u0323\u0301" * 8 + end for end in ENDINGS]),
}
ORDINARY = ("the quick brown fox jumps over the lazy dog and buys milk ", ["dog", "milk", "tea"])


@pytest.mark.parametrize(
    ("title", "search"),
    [
        ("Äpfel kaufen", "äPFEL"),
        ("caf\u00e9", "cafe\u0301"),
        ("cafe\u0301", "CAF\u00c9"),
        ("e\u0301\u00e9", "e\u0301\u00e9"),
        ("\u0958", "\u0958"),
        ("ΟΔΟΣ", "οδος"),
        ("οδος", "ΟΔΟΣ"),
        ("οδοσ", "οδος"),
        ("ПРИВЕТ", "привет"),
        ("ԱԲԳ", "աբգ"),
        (DESERET_UPPER, DESERET_LOWER),
        ("\u1e9e", "ß"),
        ("\ud55c\uad6d", normalize("NFD", "\ud55c\uad6d")),
        ("50% off_now \\o/", "%"),
        ("50% off_now \\o/", "F_N"),
        ("50% off_now \\o/", "\\O"),
        ("one two", "two  one"),
        ("a b c d e f g h i j", "j i h g f e d c b a"),
    ],
)
def test_text_is_found_in_every_case_and_form(alice: User, title: str, search: str) -> None:
    task = alice.add(title)
    alice.add("another")

    assert alice.all(search=search) == [task]


@pytest.mark.parametrize("search", ["a_c", "a%c", "ac", "bc ab abcd", "b.", ".*", "a\\b"])
def test_words_that_do_not_occur_find_nothing(alice: User, search: str) -> None:
    alice.add("ab", description="c abc")

    assert alice.all(search=search) == []


@pytest.fixture(scope="module")
def cursor() -> Iterator[Any]:
    """A cursor on a database in which a user has 1,000 tasks."""
    with filled(users=1, tasks=1) as cursor:
        yield cursor


def fill(cursor: Any, text: str, end: str) -> None:
    """Give the user 1,000 tasks of 5,000 characters."""
    cursor.execute("TRUNCATE task")
    cursor.execute(
        "INSERT INTO task (user_id, title, description, priority, tags, idempotency_key) "
        "SELECT %s, 'a task', %s, 'low', '{}', n FROM generate_series(1, 1000) n",
        [OWNER, (text * LENGTH)[: LENGTH - len(end)] + end],
    )
    cursor.execute("VACUUM ANALYZE task")


def cost(cursor: Any, words: list[str]) -> float:
    """CPU milliseconds of a search on the server."""
    query = ListQuery.model_validate({"search": " ".join(words)[:200]})
    statement, values = page(query)
    return cpu(cursor, lambda: plan(cursor, statement, values, "ANALYZE, TIMING OFF"), runs=3)


def folding(cursor: Any) -> float:
    """CPU milliseconds of reading and folding the same text."""
    statement = "SELECT sum(length(lower(description))) FROM task"
    return cpu(cursor, lambda: cursor.execute(statement), runs=12)


def cpu(cursor: Any, run: Callable[[], object], runs: int) -> float:
    """CPU milliseconds of a run in the cursor's server process."""
    process = psutil.Process(cursor.connection.info.backend_pid)
    before = process.cpu_times()
    for _ in range(runs):
        run()
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) * 1000 / runs


@pytest.mark.slow
def test_hostile_text_costs_little_more_than_its_folding(cursor: Any) -> None:
    cursor.execute(
        'INSERT INTO "user" (id, name, email, "emailVerified") VALUES (%s, %s, %s, false)',
        [OWNER, OWNER, OWNER],
    )
    for name, (text, words) in {**HOSTILE, "ordinary words": ORDINARY}.items():
        fill(cursor, text, " ".join(words[:-1]))
        searched, folded = cost(cursor, words), folding(cursor)
        print(f"{name:32} {searched:6.0f} ms, {searched / folded:5.1f} times its folding")

        assert searched < 20 * folded, name
