"""Entity tags: of a task, its version; of a collection, the clock and its form.

A collection's tag depends on no query parameter, since it belongs to one URL. PostgreSQL compares
the state alone: to build the tag there would cost as much as to read ten tasks.
"""

from collections.abc import Sequence
from functools import reduce
from hashlib import sha256
from operator import add
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import array
from sqlmodel import SQLModel

from api.tasks.clock import NEVER, OWNED_CLOCK
from api.tasks.tables import CLOCK

VERSION = '"updated_at":'


def of_version(version: ColumnElement[Any]) -> ColumnElement[str]:
    """The tag of a task: its ``updated_at`` as in its JSON, quotes included."""
    return cast(func.to_json(version), Text)


def of_document(document: str) -> str:
    """The same tag, from the JSON of a task: in a text the quotes of such a name are escaped."""
    start = document.rindex(VERSION) + len(VERSION)
    return document[start : document.index('"', start + 1) + 1]


def collection_state(*more: ColumnElement[Any]) -> ColumnElement[str]:
    """What the tag of a collection depends on: the user's clock, and the times in ``more``."""
    at = select(CLOCK.c.at).where(OWNED_CLOCK).scalar_subquery()
    texts = (func.coalesce(cast(time, Text), literal_column(f"'{NEVER}'")) for time in (at, *more))
    return reduce(add, texts)


def of_collection(shape: str, state: str) -> str:
    """The tag of a collection; ``shape`` is the mark of its form."""
    return f'"{shape}-{state.replace(" ", "_")}"'


def known_states(shape: str, tags: Sequence[str]) -> list[str]:
    """The states of those of the tags that are of this shape."""
    start = f'"{shape}-'
    return [tag[len(start) : -1].replace("_", " ") for tag in tags if tag.startswith(start)]


def is_known(state: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the state is one of the parameter ``known_states``."""
    return state == any_(bindparam("known_states", type_=ARRAY(Text)))


def matches(tag: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
    """Whether the tag, or ``*``, is in the list of tags of this parameter."""
    either: ColumnElement[Any] = array([literal_column("'*'"), tag])
    return either.bool_op("&&")(bindparam(parameter, type_=ARRAY(Text)))


def shape_of(models: Sequence[type[SQLModel]]) -> str:
    """A mark that changes with the members of these models."""
    schemas = [model.model_json_schema() for model in models]
    return sha256(orjson.dumps(schemas, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]
