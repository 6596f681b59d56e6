"""Request and response models of tasks."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Literal, Self

import orjson
from pydantic import model_validator
from pydantic.config import JsonDict
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from api.tasks.fields import (
    DayOrTime,
    Description,
    PastTime,
    Priority,
    Tags,
    Title,
)
from api.tasks.times import to_instant

INT64 = {"json_schema_extra": {"format": "int64"}}


class TaskRead(SQLModel):
    """A task; times are RFC 3339 in UTC."""

    id: int = Field(schema_extra=INT64)
    user_id: str
    title: Title
    description: Description | None
    completed: bool
    completed_at: datetime | None
    priority: Priority
    due_date: DayOrTime | None
    tags: Tags
    created_at: datetime
    updated_at: datetime


class TrashedTask(TaskRead):
    """A task in the trash."""

    deleted_at: datetime


class BatchedTask(TaskRead):
    """A task after an operation of a batch."""

    deleted_at: datetime | None = Field(description="When it was put into the trash.")


class BatchResult(SQLModel):
    """The task after each operation, in their order; null for a task that was erased."""

    tasks: list[BatchedTask | None]


class ChangedTask(TaskRead):
    """A live task."""

    deleted: Literal[False]


class DeletedTask(SQLModel):
    """A task in the trash."""

    id: int = Field(schema_extra=INT64)
    deleted: Literal[True]
    updated_at: datetime


class Changes(SQLModel):
    """Changes in the order of their versions; a page ends at its limit or at about 1 MiB."""

    changes: list[ChangedTask | DeletedTask]
    next: str = Field(description="The next `since`.")
    more: bool = Field(description="Whether there are more changes now.")


class Body(SQLModel):
    """A request body: no unknown members, no type coercion.

    Of ``resource``, the members that a body lacks cannot be set with it. ``nested`` has the models
    inside this one, by their member's name or their tag in a union.
    """

    resource: ClassVar[type[SQLModel]] = TaskRead
    nested: ClassVar[Mapping[str, type["Body"]]] = {}
    model_config = SQLModelConfig(extra="forbid", strict=True)


NOT_COMPLETED_WITH_A_TIME: JsonDict = {
    "required": ["completed", "completed_at"],
    "properties": {"completed": {"const": False}, "completed_at": {"type": "string"}},
}


class TaskCreate(Body):
    """A new task; only the title is required."""

    model_config = SQLModelConfig(json_schema_extra={"not": NOT_COMPLETED_WITH_A_TIME})

    title: Title
    description: Description | None = None
    completed: bool = False
    priority: Priority = "medium"
    due_date: DayOrTime | None = None
    tags: Tags = []
    completed_at: PastTime | None = Field(default=None, description="Implies `completed`.")
    created_at: PastTime | None = Field(default=None, description="Default: now.")

    @model_validator(mode="after")
    def _imply_completed(self) -> Self:
        if self.completed_at is not None:
            if not self.completed and "completed" in self.model_fields_set:
                message = "A task with completed_at cannot have completed: false"
                raise ValueError(message)
            self.completed = True
        return self

    def columns(self) -> dict[str, Any]:
        """Column values of the new row."""
        return _add_instants(self.model_dump())

    def request_hash(self) -> str:
        """SHA-256 of the sorted members that differ from their default.

        A request hashes alike in a release whose tasks have one more optional member.
        """
        members = self.model_dump(exclude_defaults=True)
        return sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).hexdigest()


class TaskUpdate(Body):
    """Changes to a task: absent members keep their value, ``null`` clears a nullable one."""

    model_config = SQLModelConfig(json_schema_extra={"minProperties": 1})

    title: Title = Field(default=None)
    description: Description | None = None
    completed: bool = Field(default=None)
    priority: Priority = Field(default=None)
    due_date: DayOrTime | None = None
    tags: Tags = Field(default=None)

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.model_fields_set:
            message = "Send at least one member to change"
            raise ValueError(message)
        return self

    def columns(self) -> dict[str, Any]:
        """Values of the columns to change."""
        return _add_instants(self.model_dump(exclude_unset=True))


class Completion(Body):
    """With ``completed`` the state is set; without it the task is toggled."""

    completed: bool = Field(default=None)


def _add_instants(columns: dict[str, Any]) -> dict[str, Any]:
    if "due_date" in columns:
        columns["due_at"] = columns["due_date"]
    times = columns.keys() & {"due_at", "completed_at", "created_at"}
    return columns | {name: columns[name] and to_instant(columns[name]) for name in times}
