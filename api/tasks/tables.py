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
    is the instant of ``due_date``, which is stored as it was sent.
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


TASK: Table = SQLModel.metadata.tables["task"]
USER: Table = SQLModel.metadata.tables["user"]
