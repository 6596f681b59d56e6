"""The search of a list: every word must occur in title or description.

PostgreSQL folds case and final sigma, alike on both sides. It folds a task's text once, and looks
for bytes: whatever text and words are, a comparison at a position is one ``memcmp``, while ``LIKE``
and ``strpos`` compare character by character. Text is not normalized, since PostgreSQL needs
quadratic time for many combining marks; instead each word is looked for in NFC and in NFD too.
"""

from typing import Any
from unicodedata import normalize

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from api.tasks.tables import TASK

FINAL_SIGMA, SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"
# For each word, how many forms it has: the shape of a search statement.
Shape = tuple[int, ...]


def parse(search: str | None) -> tuple[Shape, dict[str, str]]:
    """The shape of a search, and the values of its parameters."""
    words = sorted(map(_forms, dict.fromkeys((search or "").split())), key=len)
    values = {
        f"word_{number}_{form}": text
        for number, forms in enumerate(words)
        for form, text in enumerate(forms)
    }
    return tuple(map(len, words)), values


def searched_text() -> FromClause:
    """A task's folded text as one column; OFFSET keeps the planner from folding it per word."""
    text = func.concat_ws(" ", TASK.c.title, TASK.c.description)
    folded = select(_folded_bytes(text).label("text")).offset(literal_column("0"))
    return folded.correlate(TASK).lateral("searched")


def conditions(shape: Shape, searched: FromClause) -> list[ColumnElement[bool]]:
    """One condition per word: one of its forms occurs."""
    return [
        or_(*(_occurs(f"word_{number}_{form}", searched) for form in range(forms)))
        for number, forms in enumerate(shape)
    ]


def _forms(word: str) -> list[str]:
    return sorted({word, normalize("NFC", word), normalize("NFD", word)})


def _occurs(name: str, searched: FromClause) -> ColumnElement[bool]:
    # A sub-select, so that the word is folded once per statement.
    word = select(_folded_bytes(bindparam(name, type_=Text))).scalar_subquery()
    return func.position(word.op("IN")(searched.c.text)) > 0


def _folded_bytes(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.convert_to(func.replace(func.lower(text), FINAL_SIGMA, SIGMA), "UTF8")
