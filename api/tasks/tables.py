"""Table definitions for building statements; only migrations create or change tables."""

from datetime import datetime

from sqlalchemy import BigInteger, Computed, DateTime, Identity, SmallInteger, Table, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from api.tasks.fields import Priority


class User(SQLModel, table=True):
    """Better Auth's table, target of the foreign key; ``jit`` inserts a missing row."""

    __tablename__ = "user"

    id: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text)
    email: str = Field(sa_type=Text, unique=True)
    email_verified: bool = Field(sa_column_kwargs={"name": "emailVerified"})


class Task(SQLModel, table=True):
    """One row per task.

    ``completed`` and ``priority_rank`` (low 1, medium 2, high 3) are generated columns; ``due_at``
    is the instant of ``due_date``, which is stored as it was sent. ``deleted_at`` is the version in
    which the task went to the trash.
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
    deleted_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class TaskClock(SQLModel, table=True):
    """One row per user who has created a task; every write of the user's tasks locks it first.

    ``at`` is the version of the user's last change, ``purged`` that of the newest tombstone that
    was erased, ``live`` the number of tasks that are not in the trash.
    """

    __tablename__ = "task_clock"

    user_id: str = Field(sa_type=Text, primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    at: datetime = Field(sa_type=DateTime(timezone=True))
    purged: datetime = Field(sa_type=DateTime(timezone=True))
    live: int = Field(sa_type=BigInteger)


class TaskBatch(SQLModel, table=True):
    """One row per batch that had an ``Idempotency-Key``: the tasks that it changed, in order."""

    __tablename__ = "task_batch"

    user_id: str = Field(sa_type=Text, primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    idempotency_key: str = Field(sa_type=Text, primary_key=True)
    request_hash: str = Field(sa_type=Text)
    task_ids: list[int] = Field(sa_type=ARRAY(BigInteger))
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )


TASK: Table = SQLModel.metadata.tables["task"]
CLOCK: Table = SQLModel.metadata.tables["task_clock"]
BATCH: Table = SQLModel.metadata.tables["task_batch"]
USER: Table = SQLModel.metadata.tables["user"]
