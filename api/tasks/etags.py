"""Entity tags as SQL: of a task, its version; of a collection, the clock and its form.

A collection's tag depends on no query parameter, since it belongs to one URL.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    bindparam,
    cast,
    extract,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import array
from sqlmodel import SQLModel

from api.tasks.clock import OWNED_CLOCK
from api.tasks.tables import CLOCK

MICROSECONDS: ColumnElement[int] = literal_column("1000000")


def of_version(version: ColumnElement[Any]) -> ColumnElement[str]:
    """The tag of a task: its ``updated_at`` as in its JSON, quotes included."""
    return cast(func.to_json(version), Text)


def of_collection(shape: str, *more: ColumnElement[Any]) -> ColumnElement[str]:
    """The tag of a collection: ``shape``, the user's clock, and the times in ``more``."""
    at = select(CLOCK.c.at).where(OWNED_CLOCK).scalar_subquery()
    times = [func.coalesce(cast(_number(time), Text), "0") for time in (at, *more)]
    return func.concat(literal_column(f"""'"{shape}-'"""), func.concat_ws("-", *times), '"')


def matches(tag: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
    """Whether the tag, or ``*``, is in the list of tags of this parameter."""
    either: ColumnElement[Any] = array([literal_column("'*'"), tag])
    return either.bool_op("&&")(bindparam(parameter, type_=ARRAY(Text)))


def shape_of(models: Sequence[type[SQLModel]]) -> str:
    """A mark that changes with the members of these models."""
    schemas = [model.model_json_schema() for model in models]
    return sha256(orjson.dumps(schemas, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]


def _number(time: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(extract("epoch", time) * MICROSECONDS, BigInteger)
