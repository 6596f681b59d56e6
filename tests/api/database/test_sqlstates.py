"""Each SQLSTATE: 503 where the message certainly was not applied, 504 where it may have been."""

import pytest
import uvloop

from api.database.statement import CompiledStatement
from api.problems.problem import Problem
from tests.support.database.pool import backend, opened_database

# The status of a write, and its cause.
ANSWERS = {
    "40001": (503, "conflict"),
    "40P01": (503, "conflict"),
    "53100": (503, "full"),
    "53200": (503, "resources"),
    "53300": (503, "limit"),
    "55P03": (503, "conflict"),
    "58000": (503, "resources"),
    "58030": (503, "resources"),
    "57P01": (504, "ended"),
    "57P03": (504, "ended"),
    "57P05": (504, "ended"),
    "57P02": (504, "lost"),
    "08006": (504, "lost"),
    "08P01": (504, "lost"),
    "22012": (500, "DivisionByZero 22012"),
}


@pytest.mark.parametrize("code", ANSWERS)
def test_each_sqlstate_has_its_status_and_cause(code: str, database_url: str) -> None:
    text = f"DO $$ BEGIN RAISE 'it failed' USING ERRCODE = '{code}'; END $$"

    async def work() -> tuple[list[Problem], int, bool]:
        found = []
        async with opened_database(
            database_url, pool_size=1, connect_deadline_seconds=1
        ) as database:
            before = await backend(database)
            for writes in (True, False):
                with pytest.raises(Problem) as caught:
                    await database.run(CompiledStatement("raise", text, {}, writes=writes), "alice")
                found.append(caught.value)
            failures = database.failures
            same_backend = await backend(database) == before
            assert database.failures == 0
            return found, failures, same_backend

    (write, read), failures, kept = uvloop.run(work())
    status, reason = ANSWERS[code]
    assert (write.status, write.reason) == (status, reason)
    assert (read.status, read.reason) == (min(status, 503), reason)
    assert kept == (reason not in {"ended", "lost"})  # whose sessions are over
    # A conflict says nothing about the health of the database.
    assert failures == (2 if reason in {"ended", "lost", "resources"} else 0)
