"""Plain FastAPI + SQLModel: sync routes, a Session per request, ORM and response_model."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import make_url
from sqlmodel import Session, SQLModel, col, create_engine, select

from api.tasks.tables import Task

ENGINE = create_engine(
    make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2"), pool_pre_ping=True
)

app = FastAPI()


class TaskCreate(SQLModel):
    title: str
    description: str | None = None
    priority: str = "medium"


class TaskRead(SQLModel):
    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    completed_at: datetime | None
    priority: str
    due_date: str | None
    tags: list[str]
    created_at: datetime
    updated_at: datetime


def session() -> Iterator[Session]:
    with Session(ENGINE) as opened:
        yield opened


def current_user(
    user_id: str, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> str:
    try:
        claims = jwt.decode(
            credentials.credentials,
            os.environ["BETTER_AUTH_SECRET"],
            ["HS256"],
            options={"verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "Invalid token") from error
    if claims["sub"] != user_id:
        raise HTTPException(403, "Forbidden")
    return user_id


SessionDependency = Annotated[Session, Depends(session)]
CurrentUser = Annotated[str, Depends(current_user)]


def one(session: Session, user: str, task_id: int) -> Task:
    task = session.exec(select(Task).where(Task.id == task_id, Task.user_id == user)).first()
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


@app.get("/api/{user_id}/tasks", response_model=list[TaskRead])
def list_tasks(user: CurrentUser, session: SessionDependency) -> object:
    newest_first = (col(Task.created_at).desc(), col(Task.id).desc())
    return session.exec(select(Task).where(Task.user_id == user).order_by(*newest_first)).all()


@app.post("/api/{user_id}/tasks", response_model=TaskRead, status_code=201)
def create_task(user: CurrentUser, body: TaskCreate, session: SessionDependency) -> object:
    task = Task(**body.model_dump(), user_id=user, tags=[], idempotency_key=uuid4().hex)
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


@app.get("/api/{user_id}/tasks/{task_id}", response_model=TaskRead)
def read_task(user: CurrentUser, task_id: int, session: SessionDependency) -> object:
    return one(session, user, task_id)


@app.patch("/api/{user_id}/tasks/{task_id}/complete", response_model=TaskRead)
def complete_task(user: CurrentUser, task_id: int, session: SessionDependency) -> object:
    task = one(session, user, task_id)
    now = datetime.now(UTC)
    task.completed_at, task.updated_at = None if task.completed else now, now
    session.add(task)
    session.commit()
    session.refresh(task)
    return task
