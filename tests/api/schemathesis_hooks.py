"""Hooks that Schemathesis loads for what the OpenAPI document cannot express."""

from typing import Any

import orjson
import schemathesis
from schemathesis.core.failures import Failure

from api.openapi.examples import GONE, TASK
from api.tasks.cursor import encode
from api.tasks.feed_position import BEGINNING
from api.tasks.fields import MAX_SEARCH_WORDS
from api.tasks.list_query import ListQuery

Case = schemathesis.Case[Any]
OF_THE_STATE = {"idempotency_mismatch", "version_mismatch"}
REJECTED_POSITIVE_DATA, CREATED_NOT_FOUND = "ST202", "ST302"
BEYOND_SCHEMA = (
    "must not be in the future",
    f"at most {MAX_SEARCH_WORDS} words",
    "Send a whole number",  # to JSON Schema 1.0 is an integer
    "may name a task only once",
)


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _kwargs: dict[str, object]) -> None:
    """Put cursors, positions and tags that fit where any text would do for the schema."""
    is_positive = case.meta and case.meta.generation.mode.is_positive
    if is_positive and "since" in case.query:
        case.query["since"] = BEGINNING.encode()
    if is_positive and case.path.endswith("/restore"):
        case.headers["If-Match"] = "*"
    if is_positive and "cursor" in case.query:
        if case.path.endswith("/trash"):
            gone = orjson.dumps(GONE).decode()
            case.query["cursor"] = encode("deleted_at", "desc", gone)
            return
        order = {name: case.query[name] for name in ("sort", "order") if name in case.query}
        query = ListQuery.model_validate(order)
        case.query["cursor"] = encode(query.sort, query.direction, orjson.dumps(TASK).decode())


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    case: Case,
    response: schemathesis.Response,
) -> bool:
    """Admit what the schema cannot express: a new task is not in the trash, for example."""
    if failure.code == CREATED_NOT_FOUND:
        return not ("/trash/" in case.path or case.path.endswith("/restore"))
    if failure.code != REJECTED_POSITIVE_DATA:
        return True
    problem = response.json()
    messages = [entry["message"] for entry in problem.get("errors", ())]
    expressible = not all(message.endswith(BEYOND_SCHEMA) for message in messages)
    return problem["code"] not in OF_THE_STATE and expressible
