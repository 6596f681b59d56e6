"""Far from its database: one operation takes one round trip, and hardly more."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, create_engine, desc, select

from tests.support.database.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.database.restartable_postgres import RestartablePostgres
from tests.support.http.background_traffic import OPERATIONS
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

DISTANCES = [0.010, 0.040, 0.075]
TIMES = 5


class Other(SQLModel, registry=registry()):
    """Tables that are none of the product's."""


class Entry(Other, table=True):
    """A task as an ORM tutorial defines it."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(index=True)
    title: str
    completed: bool = False


def usual(session: Session, name: str, number: int) -> Any:
    """One operation, as a tutorial does it: get, set, commit, refresh."""
    if name == "list":
        query = select(Entry).where(Entry.user_id == "ann").order_by(desc("id")).limit(20)
        return session.exec(query).all()
    if name == "create":
        entry = Entry(user_id="ann", title="new")
    else:
        entry = session.exec(select(Entry).where(Entry.id == number)).one()
    if name == "read":
        return entry
    if name == "delete":
        session.delete(entry)
        return session.commit()
    entry.title, entry.completed = uuid4().hex, not entry.completed
    session.add(entry)
    session.commit()
    return session.refresh(entry)


def measured(proxy: FaultyProxy, work: Callable[[], object]) -> tuple[int, float]:
    """The turns and the seconds of one operation."""
    turns, started = proxy.client_messages, time.perf_counter()
    work()
    return proxy.client_messages - turns, time.perf_counter() - started


@pytest.fixture(scope="module")
def far(server: RestartablePostgres) -> Iterator[tuple[FaultyProxy, str]]:
    """A database at a distance that each test chooses."""
    with faulty_proxy(server.url) as (proxy, url):
        yield proxy, url


@contextmanager
def away(proxy: FaultyProxy, seconds: float) -> Iterator[None]:
    """Every round trip takes this long meanwhile."""
    proxy.delay = seconds
    try:
        yield
    finally:
        proxy.delay = 0


@pytest.mark.parametrize(
    "distance",
    [*(pytest.param(d, marks=pytest.mark.slow) for d in DISTANCES[:-1]), DISTANCES[-1]],
)
def test_every_operation_is_one_round_trip_at_any_distance(
    distance: float, far: tuple[FaultyProxy, str]
) -> None:
    proxy, url = far
    with serve(make_settings(database_url=url)) as base, User(base, uuid4().hex) as user:
        user.add()
        for name, send in OPERATIONS.items():
            numbers = iter([user.add()["id"] for _ in range(TIMES)])
            with away(proxy, distance):
                taken = [measured(proxy, lambda: send(user, next(numbers))) for _ in range(TIMES)]  # noqa: B023
            assert {turns for turns, _ in taken} == {1}
            seconds = statistics.median(seconds for _, seconds in taken)
            assert seconds >= distance
            print(f"{name} at {distance * 1e3:.0f} ms: 1 round trip, {seconds * 1e3:.0f} ms")


@pytest.mark.slow
def test_sqlmodel_session_takes_several_round_trips(far: tuple[FaultyProxy, str]) -> None:
    proxy, url = far
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"))
    Other.metadata.create_all(engine)
    for distance in DISTANCES:
        for name in ("list", "read", "create", "put", "toggle", "delete"):
            numbers = iter([_entry(engine) for _ in range(TIMES)])

            def work(name: str = name, numbers: Iterator[int] = numbers) -> None:
                with Session(engine) as session:
                    usual(session, name, next(numbers))

            with away(proxy, distance):
                taken = [measured(proxy, work) for _ in range(TIMES)]
            [turns] = {turns for turns, _ in taken}
            seconds = statistics.median(seconds for _, seconds in taken)
            print(f"usual {name} at {distance * 1e3:.0f} ms: {turns}, {seconds * 1e3:.0f} ms")
            assert turns >= 3
    engine.dispose()


def _entry(engine: Any) -> int:
    with Session(engine) as session:
        entry = Entry(user_id="ann", title="new")
        session.add(entry)
        session.commit()
        assert entry.id
        return entry.id
