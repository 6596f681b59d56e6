"""The error responses of each operation, for the OpenAPI document.

Codes, headers and examples come from the problem classes; this module decides which operation can
return which of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from typing import Any

from fastapi.routing import APIRoute

from api.config import strict_json
from api.problems import catalogue
from api.problems import edge as edge_errors
from api.problems.catalogue import Invalid
from api.problems.problem import PHRASES, PROBLEM_JSON, Problem
from api.web.strict_request import IDEMPOTENCY_KEY

ProblemType = type[Problem]

COMMON_ERRORS: Sequence[ProblemType] = (
    catalogue.InvalidRequest,
    catalogue.TokenMissing,
    catalogue.TokenInvalid,
    catalogue.TokenExpired,
    catalogue.UserMismatch,
    catalogue.NotFound,
    catalogue.BodyTooLarge,
    edge_errors.UriTooLong,
    catalogue.Invalid,
    edge_errors.RateLimited,
    edge_errors.HeadersTooLarge,
    Problem,
    edge_errors.BadGateway,
    catalogue.Overloaded,
    catalogue.DatabaseUnavailable,
    catalogue.SchemaOutdated,
    catalogue.KeysUnavailable,
)
TASK_ERRORS: Sequence[ProblemType] = (catalogue.TaskNotFound,)
TRASH_ERRORS: Sequence[ProblemType] = (catalogue.TrashedTaskNotFound,)
OPERATIONS_ON_THE_TRASH = {"restore_task", "erase_task"}
BODY_ERRORS: Sequence[ProblemType] = (catalogue.UnsupportedMedia,)
WRITE_ERRORS: Sequence[ProblemType] = (
    catalogue.RequestTimeout,
    catalogue.ReadOnly,
    catalogue.OutcomeUnknown,
)
IF_MATCH_ERRORS: Sequence[ProblemType] = (catalogue.VersionMismatch,)
ERRORS_BY_OPERATION: Mapping[str, Sequence[ProblemType]] = {
    "apply_batch": (catalogue.TaskNotFound, catalogue.BatchVersionMismatch),
    "read_changes": (catalogue.ResyncRequired,),
    "restore_task": (catalogue.TooManyTasks,),
}
CREATE_ERRORS: Sequence[ProblemType] = (
    catalogue.UserRequired,
    catalogue.IdempotencyMismatch,
    catalogue.TooManyTasks,
)

STRING = {"type": "string"}
MISSING_TITLE = {"loc": ["body", "title"], "code": "missing", "message": "This is required"}
PROBLEM = {
    "description": "An error (RFC 9457): `detail` is for people, `code` for programs.",
    "type": "object",
    "properties": {
        "type": {"const": "about:blank"},
        "title": STRING,
        "status": {"type": "integer"},
        "detail": STRING,
        "code": STRING,
        "request_id": STRING,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "code": STRING,
                    "message": STRING,
                },
                "required": ["loc", "code", "message"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class ErrorResponse:
    """The problems of an operation that share a status code."""

    status: int
    problems: Sequence[ProblemType]

    @property
    def name(self) -> str:
        """The component's name: the status phrase, then the problems of only some operations."""
        phrase = PHRASES.get(self.status) or HTTPStatus(self.status).phrase
        common = [problem for problem in self.problems if problem in COMMON_ERRORS]
        special = [
            problem.__name__
            for problem in self.problems
            if problem not in COMMON_ERRORS and (common or problem.__base__ is not Problem)
        ]
        return "Or".join([phrase.replace(" ", ""), *special])

    @property
    def headers(self) -> set[str]:
        """Names of the response headers that the problems set."""
        return {name for problem in self.problems for name in problem.headers}

    def response(self) -> dict[str, Any]:
        """The Response Object without its headers."""
        codes = [problem.code for problem in self.problems]
        narrowed: dict[str, Any] = {
            "properties": {"status": {"const": self.status}, "code": {"enum": codes}}
        }
        if all(problem is Invalid or problem.errors for problem in self.problems):
            narrowed |= {"required": ["errors"]}
        content = {
            "schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]},
            "examples": {problem.code: {"value": example(problem)} for problem in self.problems},
        }
        codes_named = ", ".join(f"`{code}`" for code in codes)
        return {"description": codes_named, "content": {PROBLEM_JSON: content}}


def error_responses(route: APIRoute) -> list[ErrorResponse]:
    """Every error response of a route's operation, by status."""
    methods = route.methods or set()
    of_task = TRASH_ERRORS if route.name in OPERATIONS_ON_THE_TRASH else TASK_ERRORS
    problems = [
        *COMMON_ERRORS,
        *(of_task if "{id}" in route.path else ()),
        *(BODY_ERRORS if route.body_field else ()),
        *(WRITE_ERRORS if "GET" not in methods else ()),
        *(IF_MATCH_ERRORS if _takes(route, "If-Match") else ()),
        *(CREATE_ERRORS if _takes(route, IDEMPOTENCY_KEY) else ()),
        *ERRORS_BY_OPERATION.get(route.name, ()),
    ]
    status = attrgetter("status")
    gathered = groupby(sorted(problems, key=status), key=status)
    return [ErrorResponse(code, list(found)) for code, found in gathered]


def _takes(route: APIRoute, header: str) -> bool:
    return any(parameter.alias == header for parameter in route.dependant.header_params)


def example(problem: ProblemType) -> Any:
    """An example of the problem document."""
    error = Invalid([MISSING_TITLE]) if problem is Invalid else problem()
    return strict_json.parse(error.body("4c1f6ab29d0e4a7f8c35be6d7f901234"))
