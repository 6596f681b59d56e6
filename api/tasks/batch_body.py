"""The request body of a batch: up to 100 operations, each with the members of its kind."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, WithJsonSchema
from sqlmodel import Field, SQLModel

from api.problems.catalogue import Invalid
from api.tasks.fields import ID_SCHEMA, MAX_BIGINT
from api.tasks.schemas import Body, TaskCreate, TaskUpdate
from api.tasks.times import TIME_SCHEMA, check_time, to_instant

MAX_OPERATIONS = 100

Id = Annotated[int, Field(ge=1, le=MAX_BIGINT), WithJsonSchema(ID_SCHEMA)]
Version = Annotated[str, AfterValidator(check_time), WithJsonSchema(TIME_SCHEMA)]


class Operation(Body):
    """One change of a batch."""

    resource: ClassVar[type[SQLModel]] = SQLModel

    def row(self) -> dict[str, Any]:
        """The columns of this operation in the statement of a batch."""
        row = self.model_dump(exclude_unset=True)
        if "if_match" in row:
            row["if_match"] = to_instant(row["if_match"])
        return row

    def canonical(self) -> dict[str, Any]:
        """What makes two requests the same."""
        return self.model_dump(exclude_unset=True)


class CreateOperation(Operation):
    """Create a task."""

    op: Literal["create"]
    task: TaskCreate

    def row(self) -> dict[str, Any]:
        """The columns of the new task; the key tells which row became which operation's."""
        key = secrets.token_hex(16)
        return {"op": self.op, "idempotency_key": key, **self.task.columns()}

    def canonical(self) -> dict[str, Any]:
        """What makes two requests the same."""
        return {"op": self.op, "task": self.task.model_dump(exclude_defaults=True)}


class UpdateOperation(Operation):
    """Change the members that are sent."""

    op: Literal["update"]
    id: Id
    changes: TaskUpdate
    if_match: Version = Field(default=None, description="The `updated_at` that the task must have.")

    def row(self) -> dict[str, Any]:
        """The columns to change, and their names."""
        row = super().row()
        del row["changes"]
        names = sorted(self.changes.model_fields_set)
        return {**row, "names": names, **self.changes.columns()}


class DeleteOperation(Operation):
    """Put a task into the trash; nothing happens if it is there already."""

    op: Literal["delete"]
    id: Id
    if_match: Version = Field(default=None, description="The `updated_at` that the task must have.")


class RestoreOperation(Operation):
    """Take a task out of the trash."""

    op: Literal["restore"]
    id: Id


AnyOperation = CreateOperation | UpdateOperation | DeleteOperation | RestoreOperation


class Batch(Body):
    """Operations that are applied together or not at all."""

    max_body_bytes: ClassVar[int] = 2**20
    resource: ClassVar[type[SQLModel]] = SQLModel
    nested: ClassVar[Mapping[str, type[Body]]] = {
        "create": CreateOperation,
        "update": UpdateOperation,
        "delete": DeleteOperation,
        "restore": RestoreOperation,
        "task": TaskCreate,
        "changes": TaskUpdate,
    }

    operations: list[Annotated[AnyOperation, Field(discriminator="op")]] = Field(
        min_length=1, max_length=MAX_OPERATIONS
    )

    def check_ids(self) -> None:
        """Raise ``Invalid`` if an id stands in two operations."""
        found, errors = set[int](), []
        for number, operation in enumerate(self.operations):
            if isinstance(operation, CreateOperation):
                continue
            if operation.id in found:
                loc = ["body", "operations", number, "id"]
                message = "A batch may name a task only once"
                errors.append({"loc": loc, "code": "repeated", "message": message})
            found.add(operation.id)
        if errors:
            raise Invalid(errors)

    def rows(self) -> str:
        """The operations as JSON, for the statement of a batch."""
        rows = [{"n": n, **each.row()} for n, each in enumerate(self.operations)]
        return orjson.dumps(rows).decode()

    def request_hash(self) -> str:
        """SHA-256 of the operations, without the members of new tasks that have their default."""
        canonical = [operation.canonical() for operation in self.operations]
        return sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()
