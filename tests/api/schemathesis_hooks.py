"""Hooks that Schemathesis loads for what the OpenAPI document cannot express."""

from typing import Any

import orjson
import schemathesis
from schemathesis.core.failures import Failure

from api.openapi.examples import TASK
from api.tasks.cursor import encode
from api.tasks.schemas import ListQuery

Case = schemathesis.Case[Any]
REJECTED_POSITIVE_DATA = "ST202"


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _kwargs: dict[str, object]) -> None:
    """Put a cursor that fits where any text would do for the schema."""
    if case.meta and case.meta.generation.mode.is_positive and "cursor" in case.query:
        order = {name: case.query[name] for name in ("sort", "order") if name in case.query}
        query = ListQuery.model_validate(order)
        case.query["cursor"] = encode(query.sort, query.direction, orjson.dumps(TASK).decode())


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    _case: Case,
    response: schemathesis.Response,
) -> bool:
    """Admit that a key may have been used before, with another body."""
    refused = failure.code == REJECTED_POSITIVE_DATA
    return not (refused and response.json()["code"] == "idempotency_mismatch")
