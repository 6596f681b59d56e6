"""Request and response models of tasks, and the list's query parameters."""

from datetime import datetime
from typing import Any, Self

from pydantic import ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from api.tasks.cursor import decode
from api.tasks.fields import (
    MAX_PAGE_SIZE,
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
    to_instant,
)

DESCENDING_BY_DEFAULT = {"created_at", "updated_at", "priority"}

# None stands for a parameter that was not sent; a query string cannot carry null.
Absent = SkipJsonSchema[None]


class Body(SQLModel):
    """A request body: no unknown members, no type coercion."""

    model_config = SQLModelConfig(extra="forbid", strict=True)


class TaskCreate(Body):
    """A new task; only the title is required."""

    title: Title
    description: Description | None = None
    completed: bool = False
    priority: Priority = "medium"
    due_date: Due | None = None
    tags: Tags = []

    def columns(self) -> dict[str, Any]:
        """Column values of the new row."""
        return _add_due_at(self.model_dump())


class TaskUpdate(Body):
    """Changes to a task: absent members keep their value, ``null`` clears a nullable one."""

    model_config = SQLModelConfig(json_schema_extra={"minProperties": 1})

    title: Title = Field(default=None)
    description: Description | None = None
    completed: bool = Field(default=None)
    priority: Priority = Field(default=None)
    due_date: Due | None = None
    tags: Tags = Field(default=None)

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.model_fields_set:
            message = "Send at least one member to change"
            raise ValueError(message)
        return self

    def columns(self) -> dict[str, Any]:
        """Values of the columns to change."""
        return _add_due_at(self.model_dump(exclude_unset=True))


class Completion(Body):
    """With ``completed`` the state is set; without it the task is toggled."""

    completed: bool = Field(default=None)


class TaskRead(SQLModel):
    """A task; times are RFC 3339 in UTC."""

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
    """Filters, sort order and position of a list."""

    status: Status = "all"
    priority: Priority | Absent = None
    tag: list[Tag] = Field(
        default=[], max_length=20, description="Repeatable; a task must have all of them."
    )
    search: Search | Absent = Field(
        default=None, description="Words that must all occur in title or description; ignores case."
    )
    due_before: Due | Absent = Field(default=None, description="Due before this day or time.")
    due_after: Due | Absent = Field(default=None, description="Due after this day or time.")
    sort: Sort = "created_at"
    order: Direction | Absent = Field(
        default=None, description="Default: `asc` for `title` and `due_date`, otherwise `desc`."
    )
    limit: Limit = MAX_PAGE_SIZE
    cursor: str | Absent = Field(
        default=None, description="From a `Link` header; keep the same `sort` and `order`."
    )

    @property
    def direction(self) -> Direction:
        """``order``, or the default of ``sort``."""
        return _direction(self.sort, self.order)

    @field_validator("cursor")
    @classmethod
    def _check_cursor(cls, cursor: str | None, info: ValidationInfo) -> str | None:
        if cursor is not None and "sort" in info.data and "order" in info.data:
            decode(cursor, info.data["sort"], _direction(info.data["sort"], info.data["order"]))
        return cursor


def _direction(sort: Sort, order: Direction | None) -> Direction:
    return order or ("desc" if sort in DESCENDING_BY_DEFAULT else "asc")


def _add_due_at(columns: dict[str, Any]) -> dict[str, Any]:
    if "due_date" in columns:
        due = columns["due_date"]
        columns["due_at"] = due and to_instant(due)
    return columns
