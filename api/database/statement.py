"""The message that a request sends to the database.

psycopg2 speaks the simple query protocol, so several statements travel as one message, and the
server runs them as one implicit transaction. Each message begins with the same prefix: it takes
on the role that row-level security binds, sets the user id, and bounds the statement's time. All
of it ends with the message, so nothing stays on a pooled connection, nor on PgBouncer's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg2 import Error
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from api.database.causes import Cause
from api.problems.catalogue import OutcomeUnknown
from api.problems.problem import Problem

ROLE = "task_api"
PREFIX = (
    f"SELECT set_config('role','{ROLE}',true), set_config('app.user_id',%(user_id)s,true), "
    "set_config('statement_timeout','{milliseconds}',true), set_config('TimeZone','UTC',true), "
    # Every order has its index; PostgreSQL guesses few matches for a search, and would rather
    # read and sort all tasks of the user than walk in order until the page is full.
    "set_config('enable_sort','off',true); "
)
# A server that logs durations may end a session between a commit and its answer, with the same
# words as before a statement. The division fails where it logs any.
WITHOUT_DURATIONS = (
    "SELECT 1 / (current_setting('log_min_duration_statement') = '-1' "
    "AND current_setting('log_min_duration_sample') = '-1' "
    "AND current_setting('log_transaction_sample_rate') = '0' "
    "AND current_setting('log_duration') = 'off' "
    "AND current_setting('log_statement_stats') = 'off')::int; "
)
DIVISION_BY_ZERO = "22012"
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

    def unless_applied(self) -> "CompiledStatement":
        """This statement for a second time, after a session that ended.

        It fails with ``OutcomeUnknown`` where the server logs durations, because the first time
        may have been committed.
        """

        def to_problem(error: Error) -> Problem | None:
            if error.pgcode == DIVISION_BY_ZERO:
                return OutcomeUnknown(reason=Cause.LOST)
            return self.to_problem(error) if self.to_problem else None

        first = "lock" if self.lock else "text"
        guarded = {first: WITHOUT_DURATIONS + getattr(self, first)}
        return replace(self, **guarded, to_problem=to_problem)


def _compile(statement: Executable) -> tuple[str, dict[str, Any]]:
    compiled = statement.compile(dialect=DIALECT)  # type: ignore[attr-defined]
    # A parameter without a value has no default: forgetting it is an error, not a NULL.
    return str(compiled), {name: v for name, v in compiled.params.items() if v is not None}
