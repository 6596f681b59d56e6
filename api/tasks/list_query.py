"""The query parameters of a list, and of the trash."""

from pydantic import ValidationInfo, field_validator
from sqlmodel import Field, SQLModel

from api.tasks.cursor import decode
from api.tasks.fields import (
    MAX_PAGE_SIZE,
    DayOrTime,
    Direction,
    Limit,
    Priority,
    Search,
    Sort,
    Status,
    Tag,
)

DESCENDING_BY_DEFAULT = {"created_at", "updated_at", "priority"}


class ListQuery(SQLModel):
    """Filters, sort order and position of a list."""

    status: Status = "all"
    priority: Priority = Field(default=None)
    tag: list[Tag] = Field(
        default=[], max_length=20, description="Repeatable; a task must have all of them."
    )
    search: Search = Field(
        default=None,
        description="Up to 10 words that all occur in title or description; ignores case.",
    )
    due_from: DayOrTime = Field(default=None, description="Due at this day or time, or later.")
    due_before: DayOrTime = Field(default=None, description="Due before this day or time.")
    sort: Sort = "created_at"
    order: Direction = Field(
        default=None, description="Default: `asc` for `title` and `due_date`, otherwise `desc`."
    )
    limit: Limit = MAX_PAGE_SIZE
    cursor: str = Field(
        default=None, description="From a `Link` header; keep the same `sort` and `order`."
    )

    @property
    def direction(self) -> Direction:
        """``order``, or the default of ``sort``."""
        return _direction(self.sort, self.order)

    @field_validator("cursor")
    @classmethod
    def _check_cursor(cls, cursor: str, info: ValidationInfo) -> str:
        if info.data.keys() >= {"sort", "order"}:
            decode(cursor, info.data["sort"], _direction(info.data["sort"], info.data["order"]))
        return cursor


class TrashQuery(SQLModel):
    """Position and size of a page of the trash, newest first."""

    limit: Limit = MAX_PAGE_SIZE
    cursor: str = Field(default=None, description="From a `Link` header.")

    @field_validator("cursor")
    @classmethod
    def _check_cursor(cls, cursor: str) -> str:
        decode(cursor, "deleted_at", "desc")
        return cursor


def _direction(sort: Sort, order: Direction | None) -> Direction:
    return order or ("desc" if sort in DESCENDING_BY_DEFAULT else "asc")
