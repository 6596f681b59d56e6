"""A task on the wire, and what may be asked of a list."""

from datetime import datetime
from typing import Any, Self

from pydantic import ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from api.tasks.cursor import decode
from api.tasks.fields import (
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
