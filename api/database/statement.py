"""What a request sends to the database: one message.

psycopg2 speaks the simple query protocol, so several statements travel as one message, and the
server runs them as one implicit transaction. Each message begins with the same prefix: it takes
on the role that row-level security binds, names the owner, and bounds the statement's time. All
of it ends with the message, so nothing stays on a pooled connection, nor on PgBouncer's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

ROLE = "task_api"
PREFIX = (
    f"SELECT set_config('role','{ROLE}',true), set_config('app.user_id',%(owner)s,true), "
    "set_config('statement_timeout','{milliseconds}',true), set_config('TimeZone','UTC',true), "
    # Every order has its index; PostgreSQL guesses few matches for a search, and would rather
    # read and sort all tasks of the user than walk in order until the page is full.
    "set_config('enable_sort','off',true); "
)
DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """A statement as text, compiled once; ``defaults`` are the values it carries itself.

    A write is ``repeatable`` if it has the same effect and the same answer when applied twice.
    """

    name: str
    text: str
    defaults: Mapping[str, Any]
    writes: bool
    repeatable: bool = False

    @classmethod
    def of(
        cls, name: str, statement: Executable, *, writes: bool = False, repeatable: bool = False
    ) -> "CompiledStatement":
        compiled = statement.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        # A parameter without a value has no default: forgetting it is an error, not a NULL.
        defaults = {name: v for name, v in compiled.params.items() if v is not None}
        return cls(name, str(compiled), defaults, writes, repeatable)
