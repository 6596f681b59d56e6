"""Many users' messages at once over few connections, good ones and failing ones."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import orjson

from api.database.engine import Database
from api.database.statement import CompiledStatement
from api.problems.problem import Problem
from api.tasks import create_statement, statements
from api.tasks.list_query import ListQuery
from api.tasks.listing import SEPARATOR, page
from api.tasks.schemas import TaskCreate

TASKS_EACH = 3


@dataclass(frozen=True)
class Kind:
    """A message and its outcome: how many of the sender's rows, or which SQLSTATE."""

    message: CompiledStatement
    rows: int = 0
    code: str | None = None
    weight: int = 40
    anonymous: bool = False
    given_up: bool = False


@dataclass(frozen=True)
class Tenant:
    """A user whose every row says so."""

    name: str
    ids: list[int] = field(default_factory=list)

    @property
    def canary(self) -> tuple[str, str]:
        """The marks of each of the user's rows."""
        return self.name, f"canary of {self.name}"


def raw(text: str) -> CompiledStatement:
    """A message of handwritten SQL."""
    return CompiledStatement("traffic", text, {}, writes=True)


TASK_COLUMNS = "row_to_json(task)::text"
LIST, VALUES = page(ListQuery())
UPDATE = statements.change(frozenset({"description"}))
ALL = raw(f"SELECT {TASK_COLUMNS} FROM task")
INSERT = "INSERT INTO task (user_id, title, priority, tags, idempotency_key) "
KINDS = {
    "list": Kind(LIST, TASKS_EACH, weight=200),
    "read": Kind(statements.read(), 1, weight=100),
    "read another's": Kind(statements.read(), 0),
    "update": Kind(UPDATE, 1, weight=100),
    "update another's": Kind(UPDATE, 0),
    "read all": Kind(ALL, TASKS_EACH, weight=150),
    "read all without a user": Kind(ALL, 0, anonymous=True),
    "update all": Kind(
        raw(f"UPDATE task SET description = %(description)s RETURNING {TASK_COLUMNS}"), TASKS_EACH
    ),
    "division by zero": Kind(raw("SELECT title, 1 / (id - id) FROM task"), code="22012"),
    "doubled key": Kind(
        raw(INSERT + "SELECT user_id, title, priority, tags, idempotency_key FROM task"),
        code="23505",
    ),
    "foreign row": Kind(
        raw(INSERT + "VALUES (%(other)s, 'planted', 'low', '{}', 'new')"), code="42501"
    ),
    "unknown column": Kind(raw("SELECT nothing FROM task"), code="42703"),
    "too slow": Kind(raw("SELECT title, pg_sleep(9) FROM task"), code="57014", weight=2),
    "given up": Kind(ALL, TASKS_EACH, weight=10, given_up=True),
}


async def exchange(
    database: Database, users: list[str], each: int
) -> tuple[Counter[str], list[str]]:
    """Let every user send ``each`` messages; what was sent, and every wrong outcome."""
    tenants = [Tenant(name) for name in users]
    sent: Counter[str] = Counter()
    wrong: list[str] = []
    await asyncio.gather(*(_furnish(database, tenant) for tenant in tenants))

    async def send(tenant: Tenant, other: Tenant) -> None:
        choose = random.Random(tenant.name)
        for name in choose.choices([*KINDS], [kind.weight for kind in KINDS.values()], k=each):
            sent[name] += 1
            outcome = await _outcome(database, KINDS[name], tenant, other)
            if outcome not in _right(KINDS[name], tenant):
                wrong.append(f"{name} of {tenant.name}: {outcome}")

    pairs = zip(tenants, tenants[1:] + tenants[:1], strict=True)
    await asyncio.gather(*(send(*pair) for pair in pairs))
    return sent, wrong


async def _furnish(database: Database, tenant: Tenant) -> None:
    create = create_statement.create(creates_user=True, has_key=False)
    task = TaskCreate(title=tenant.canary[1]).columns() | {
        "due_at": None,
        "request_hash": None,
        "max_tasks": 0,
    }
    for number in range(TASKS_EACH):
        made = await database.run(create, tenant.name, **task, idempotency_key=str(number))
        tenant.ids.append(made[0][1])


async def _outcome(database: Database, kind: Kind, tenant: Tenant, other: Tenant) -> object:
    named = tenant if kind.rows else other
    values = {**VALUES, "id": random.choice(named.ids), "other": other.name}
    sender = "" if kind.anonymous else tenant.name
    try:
        async with asyncio.timeout(random.random() / 100 if kind.given_up else None):
            rows = await database.run(kind.message, sender, **values, description=tenant.name)
    except Problem as problem:
        return getattr(problem.__cause__, "pgcode", problem.reason)
    except TimeoutError:
        return "given up"
    # A list has its tasks in one row, after its tag.
    texts = [column for row in rows for column in row if isinstance(column, str)]
    lines = [line for text in texts for line in text.split(SEPARATOR)]
    tasks = [orjson.loads(line) for line in lines if line.startswith("{")]
    return [(task["user_id"], task["title"]) for task in tasks]


def _right(kind: Kind, tenant: Tenant) -> list[object]:
    outcome = kind.code or [tenant.canary] * kind.rows
    return [outcome, "given up"] if kind.given_up else [outcome]
