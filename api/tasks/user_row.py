"""The row of Better Auth's user table that a task refers to.

Under ``AUTH_USER_PROVISIONING=jit`` a create inserts the row where there is none. Better Auth's
``additionalFields``, and whatever else the table demands, can make that impossible.
"""

from typing import Any

import structlog
from psycopg2 import Error
from sqlalchemy import ColumnElement, Text, false, func, select
from sqlalchemy.dialects.postgresql import insert

from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import UserRequired
from api.problems.problem import Problem
from api.tasks.tables import CLOCK, TASK, USER

STRING_TOO_LONG, RAISED_BY_TRIGGER, MISSING_REFERENCE = "22001", "P0001", "23503"
INTEGRITY_VIOLATION = "23"

log = structlog.get_logger()


def insert_user(user_id: ColumnElement[str]) -> Any:
    """Insert the user row unless it exists, with an e-mail of a reserved domain (RFC 2606).

    An insert that met the row by ``ON CONFLICT`` alone would fail where another column is required.
    """
    exists = select(USER.c.id).where(USER.c.id == user_id).exists()
    # A literal that does not fit its column would fail during planning, where the row exists too.
    text = func.current_setting("app.user_id", type_=Text)
    row = select(text, text, text + "@jit.invalid", false()).where(~exists)
    columns = ["id", "name", "email", "emailVerified"]
    return insert(USER).from_select(columns, row).on_conflict_do_nothing().cte("new_user")


def user_required(error: Error) -> Problem | None:
    """The problem of a create whose user row could not be made; None for any other error.

    The text of the error is not logged: it may quote values.
    """
    code, found = error.pgcode or "", error.diag
    of_task = found.table_name in {TASK.name, CLOCK.name} and code != MISSING_REFERENCE
    if of_task or not (
        code.startswith(INTEGRITY_VIOLATION) or code in {STRING_TOO_LONG, RAISED_BY_TRIGGER}
    ):
        return None
    log.warning(
        "user_not_created",
        sqlstate=code,
        column=found.column_name,
        constraint=found.constraint_name,
    )
    return UserRequired(reason=AuthFailure.USER_REQUIRED)
