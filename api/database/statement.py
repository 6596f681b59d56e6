"""The message that a request sends to the database.

psycopg2 speaks the simple query protocol, so several statements travel as one message, and the
server runs them as one implicit transaction. Each message begins with the same prefix: it takes
on the role that row-level security binds, sets the user id, and bounds the statement's time. All
of it ends with the message, so nothing stays on a pooled connection, nor on PgBouncer's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import Error
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from api.problems.problem import Problem

ROLE = "task_api"
PREFIX = (
    f"SELECT set_config('role','{ROLE}',true), set_config('app.user_id',%(user_id)s,true), "
    "set_config('statement_timeout','{milliseconds}',true), set_config('TimeZone','UTC',true), "
    # Every order has its index; PostgreSQL guesses few matches for a search, and would rather
    # read and sort all tasks of the user than walk in order until the page is full.
    "set_config('enable_sort','off',true); "
)
ToProblem = Callable[[Error], Problem | None]

DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """A statement as text, compiled once; ``defaults`` are the values it carries itself.

    A write is ``repeatable`` if it has the same effect and the same answer when applied twice.
    ``lock`` is a statement that runs before ``text`` and takes the locks of a write: ``text`` has
    a snapshot of its own, and sees what others committed while the lock was awaited.
    ``repetition`` is sent instead the second time, when the first answer was lost.
    ``to_problem`` knows errors of this statement alone; it returns None for all others.
    """

    name: str
    text: str
    defaults: Mapping[str, Any]
    writes: bool
    repeatable: bool = False
    to_problem: ToProblem | None = None
    lock: str = ""
    repetition: "CompiledStatement | None" = None

    @classmethod
    def of(
        cls,
        name: str,
        statement: Executable,
        *,
        writes: bool = False,
        repeatable: bool = False,
        to_problem: ToProblem | None = None,
        lock: Executable | None = None,
    ) -> "CompiledStatement":
        text, defaults = _compile(statement)
        first, more = ("", {}) if lock is None else _compile(lock)
        return cls(name, text, defaults | more, writes, repeatable, to_problem, first)

    def message(self, milliseconds: int) -> str:
        """Everything that is sent: the prefix with the limit of each statement, lock and text."""
        prefix = PREFIX.format(milliseconds=milliseconds)
        return f"{prefix}{self.lock}; {self.text}" if self.lock else prefix + self.text


def _compile(statement: Executable) -> tuple[str, dict[str, Any]]:
    compiled = statement.compile(dialect=DIALECT)  # type: ignore[attr-defined]
    # A parameter without a value has no default: forgetting it is an error, not a NULL.
    return str(compiled), {name: v for name, v in compiled.params.items() if v is not None}
