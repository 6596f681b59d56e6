"""The endpoint of batches."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from api.database.engine import Rows
from api.problems.catalogue import (
    BatchVersionMismatch,
    IdempotencyMismatch,
    TaskNotFound,
    TooManyTasks,
    TrashedTaskNotFound,
)
from api.problems.problem import Problem
from api.state import state_of
from api.tasks import batch_statement
from api.tasks.batch_body import AnyOperation, Batch, CreateOperation, RestoreOperation
from api.telemetry import metrics, request_context
from api.web.strict_request import key_header
from api.web.user_route import UserId

BatchKey = Annotated[
    str | SkipJsonSchema[None],
    key_header("Makes a repeated request return the tasks of the first one, for 30 days."),
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
    return _response(sorted(rows), batch.operations)


def _record(operations: int) -> None:
    request_context.current().operations = operations
    metrics.BATCH_OPERATIONS.observe(operations)


def _response(rows: Rows, operations: Sequence[AnyOperation]) -> Response:
    """The answer to a batch; raises the problem of the operations that were refused."""
    codes = {code for _, code, _ in rows}
    if "idempotency_mismatch" in codes:
        raise IdempotencyMismatch
    if "too_many_tasks" in codes:
        raise TooManyTasks
    for problem, member in ((TaskNotFound(), "id"), (BatchVersionMismatch(), "if_match")):
        if problem.code in codes:
            numbers = [number for number, code, _ in rows if code == problem.code]
            problem.errors = [_error(problem, n, member, operations[n]) for n in numbers]
            raise problem
    tasks = ",".join(task or "null" for _, _, task in rows)
    replayed = {"Idempotency-Replayed": "true"} if "replayed" in codes else {}
    return Response(f'{{"tasks":[{tasks}]}}', headers=replayed, media_type="application/json")


def _error(problem: Problem, number: int, member: str, operation: AnyOperation) -> dict[str, Any]:
    loc = ["body", "operations", number, member]
    is_restore = isinstance(operation, RestoreOperation)
    message = TrashedTaskNotFound.detail if is_restore else problem.detail
    return {"loc": loc, "code": problem.code, "message": message}
