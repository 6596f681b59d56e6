"""The task table, and a task on the wire."""

from datetime import datetime
from typing import Any, Self

from pydantic import ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import BigInteger, Computed, DateTime, Identity, SmallInteger, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from api.tasks.cursor import decode
from api.tasks.values import (
    PAGE,
    Description,
    Direction,
    Due,
    Limit,
    Priority,
    Search,
    Sort,
    Status,
    Tag,
    Tags,
    Title,
    instant,
)

NEWEST_FIRST = {"created_at", "updated_at", "priority"}

# A query cannot say null: None is what a parameter is that was not sent.
Absent = SkipJsonSchema[None]


class Account(SQLModel, table=True):
    """Better Auth's own table: a foreign key points here, and ``jit`` makes a missing row."""

    __tablename__ = "user"

    id: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text)
    email: str = Field(sa_type=Text, unique=True)
    email_verified: bool = Field(sa_column_kwargs={"name": "emailVerified"})


class Task(SQLModel, table=True):
    """One row per task; three columns follow from others.

    ``completed`` says whether ``completed_at`` is set, ``priority_rank`` orders priorities by
    meaning, and ``due_at`` is the instant of ``due_date``, which stays as it was sent.
    """

    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_args=[Identity(always=True)])
    user_id: str = Field(sa_type=Text, foreign_key="user.id", ondelete="CASCADE")
    title: str = Field(sa_type=Text)
    description: str | None = Field(sa_type=Text)
    completed: bool = Field(sa_column_args=[Computed("completed_at IS NOT NULL", persisted=True)])
    completed_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    priority: Priority = Field(sa_type=Text)
    priority_rank: int = Field(
        sa_type=SmallInteger,
        sa_column_args=[
            Computed("array_position(ARRAY['low','medium','high'], priority)", persisted=True)
        ],
    )
    due_date: str | None = Field(sa_type=Text)
    due_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    tags: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    updated_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    idempotency_key: str = Field(sa_type=Text)
    request_hash: str | None = Field(sa_type=Text)


class Body(SQLModel):
    """A JSON object with known members only, of exactly their types."""

    model_config = SQLModelConfig(extra="forbid", strict=True)


class TaskCreate(Body):
    """A new task: the title alone is enough."""

    title: Title
    description: Description | None = None
    completed: bool = False
    priority: Priority = "medium"
    due_date: Due | None = None
    tags: Tags = []

    def columns(self) -> dict[str, Any]:
        """The values of the row's columns."""
        return _with_instant(self.model_dump())


class TaskUpdate(Body):
    """A change: what is absent stays, ``null`` clears where a task may be without."""

    model_config = SQLModelConfig(json_schema_extra={"minProperties": 1})

    title: Title = Field(default=None)
    description: Description | None = None
    completed: bool = Field(default=None)
    priority: Priority = Field(default=None)
    due_date: Due | None = None
    tags: Tags = Field(default=None)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            message = "Name at least one member to change"
            raise ValueError(message)
        return self

    def columns(self) -> dict[str, Any]:
        """The values of the columns to change, and of no other."""
        return _with_instant(self.model_dump(exclude_unset=True))


class Completion(Body):
    """Without ``completed`` the task is toggled; with it the state is set."""

    completed: bool = Field(default=None)


class TaskRead(SQLModel):
    """A task as every answer shows it; times are UTC."""

    id: int = Field(schema_extra={"format": "int64"})
    user_id: str
    title: Title
    description: Description | None
    completed: bool
    completed_at: datetime | None
    priority: Priority
    due_date: Due | None
    tags: Tags
    created_at: datetime
    updated_at: datetime


class ListQuery(SQLModel):
    """Which tasks to list, in which order, from where on."""

    status: Status = "all"
    priority: Priority | Absent = None
    tag: list[Tag] = Field(default=[], max_length=20, description="Repeated: all of them.")
    search: Search | Absent = Field(
        default=None, description="Words that all stand in title or description, in any case."
    )
    due_before: Due | Absent = Field(default=None, description="Due earlier than that.")
    due_after: Due | Absent = Field(default=None, description="Due later than that.")
    sort: Sort = "created_at"
    order: Direction | Absent = Field(
        default=None, description="Without it `asc` for `title` and `due_date`, else `desc`."
    )
    limit: Limit = PAGE
    cursor: str | Absent = Field(
        default=None, description="From a `Link` header, with the same `sort` and `order`."
    )

    @property
    def direction(self) -> Direction:
        """``order``, or what is natural for ``sort``."""
        return _direction(self.sort, self.order)

    @field_validator("cursor")
    @classmethod
    def _cursor_fits(cls, cursor: str | None, info: ValidationInfo) -> str | None:
        if cursor is not None and "sort" in info.data and "order" in info.data:
            decode(cursor, info.data["sort"], _direction(info.data["sort"], info.data["order"]))
        return cursor


def _direction(sort: Sort, order: Direction | None) -> Direction:
    return order or ("desc" if sort in NEWEST_FIRST else "asc")


def _with_instant(columns: dict[str, Any]) -> dict[str, Any]:
    if "due_date" in columns:
        due = columns["due_date"]
        columns["due_at"] = due and instant(due)
    return columns
