"""The endpoint of batches."""

from typing import Annotated, Any

from fastapi import Header
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.problems.catalogue import (
    BatchVersionMismatch,
    IdempotencyMismatch,
    TaskNotFound,
    TooManyTasks,
)
from api.problems.problem import Problem
from api.state import state_of
from api.tasks import batch_statement
from api.tasks.batch_body import Batch, CreateOperation
from api.telemetry import metrics, request_context
from api.web.strict_request import IDEMPOTENCY_KEY, VISIBLE
from api.web.user_route import UserId

BatchKey = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=IDEMPOTENCY_KEY,
        description="Makes a repeated request return the tasks of the first one, for 30 days.",
        json_schema_extra={"pattern": f"^{VISIBLE.pattern}$"},
    ),
]


async def apply_batch(
    user_id: UserId, batch: Batch, request: Request, idempotency_key: BatchKey = None
) -> Response:
    """Create, change, delete and restore up to 100 tasks: all of them, or none.

    With an ``Idempotency-Key`` a repeated batch applies nothing and returns its tasks as they are.
    """
    batch.check_ids()
    _record(len(batch.operations))
    settings = state_of(request).settings
    statement = batch_statement.batch(
        creates=any(isinstance(each, CreateOperation) for each in batch.operations),
        creates_user=settings.creates_users,
        has_key=idempotency_key is not None,
    )
    rows = await state_of(request).database.run(
        statement,
        user_id,
        operations=batch.rows(),
        idempotency_key=idempotency_key,
        request_hash=batch.request_hash(),
        trash_days=settings.trash_days,
        max_tasks=settings.max_tasks_per_user,
    )
    return _response(sorted(rows))


def _record(operations: int) -> None:
    request_context.current().operations = operations
    metrics.BATCH_OPERATIONS.observe(operations)


def _response(rows: Rows) -> Response:
    """The answer to a batch; raises the problem of the operations that were refused."""
    codes = {code for _, code, _ in rows}
    if "idempotency_mismatch" in codes:
        raise IdempotencyMismatch
    if "too_many_tasks" in codes:
        raise TooManyTasks
    for problem, member in ((TaskNotFound(), "id"), (BatchVersionMismatch(), "if_match")):
        if problem.code in codes:
            numbers = [number for number, code, _ in rows if code == problem.code]
            problem.errors = [_error(problem, number, member) for number in numbers]
            raise problem
    tasks = ",".join(task or "null" for _, _, task in rows)
    replayed = {"Idempotency-Replayed": "true"} if "replayed" in codes else {}
    return Response(f'{{"tasks":[{tasks}]}}', headers=replayed, media_type="application/json")


def _error(problem: Problem, number: int, member: str) -> dict[str, Any]:
    loc = ["body", "operations", number, member]
    return {"loc": loc, "code": problem.code, "message": problem.detail}
