"""Which errors an operation can answer, and how the API's description says so.

Codes, headers and examples come from the classes of the errors; here stands only what decides
which of them can happen where.
"""

from collections.abc import Sequence
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

ProblemType = type[Problem]

EVERYWHERE: Sequence[ProblemType] = (
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
OF_A_TASK: Sequence[ProblemType] = (catalogue.TaskNotFound,)
OF_A_BODY: Sequence[ProblemType] = (catalogue.RequestTimeout, catalogue.UnsupportedMedia)
OF_A_WRITE: Sequence[ProblemType] = (catalogue.ReadOnly, catalogue.OutcomeUnknown)
OF_A_CREATE: Sequence[ProblemType] = (catalogue.IdempotencyMismatch,)

TEXT = {"type": "string"}
MISSING_TITLE = {"loc": ["body", "title"], "code": "missing", "message": "Field required"}
PROBLEM = {
    "description": "What went wrong (RFC 9457): `detail` is for people, `code` for programs.",
    "type": "object",
    "properties": {
        "type": {"const": "about:blank"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": TEXT,
        "request_id": TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "code": TEXT,
                    "message": TEXT,
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
    """One error answer: the problems of an operation that share a status."""

    status: int
    problems: Sequence[ProblemType]

    @property
    def name(self) -> str:
        """The status' phrase, and which problem only some operations have."""
        phrase = PHRASES.get(self.status) or HTTPStatus(self.status).phrase
        common = [problem for problem in self.problems if problem in EVERYWHERE]
        special = [problem.__name__ for problem in self.problems if problem not in EVERYWHERE]
        return "Or".join([phrase.replace(" ", ""), *(special if common else [])])

    @property
    def headers(self) -> set[str]:
        """What the problems themselves send."""
        return {name for problem in self.problems for name in problem.headers}

    def response(self) -> dict[str, Any]:
        """The Response Object, without its headers."""
        codes = [problem.code for problem in self.problems]
        narrowed = {"properties": {"status": {"const": self.status}, "code": {"enum": codes}}}
        content = {
            "schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]},
            "examples": {problem.code: {"value": example(problem)} for problem in self.problems},
        }
        codes_named = ", ".join(f"`{code}`" for code in codes)
        return {"description": codes_named, "content": {PROBLEM_JSON: content}}


def error_responses(route: APIRoute) -> list[ErrorResponse]:
    """Every error answer of a route's operation."""
    methods = route.methods or set()
    problems = [
        *EVERYWHERE,
        *(OF_A_TASK if "{id}" in route.path else ()),
        *(OF_A_BODY if route.body_field else ()),
        *(OF_A_WRITE if "GET" not in methods else ()),
        *(OF_A_CREATE if "POST" in methods else ()),
    ]
    status = attrgetter("status")
    gathered = groupby(sorted(problems, key=status), key=status)
    return [ErrorResponse(code, list(found)) for code, found in gathered]


def example(problem: ProblemType) -> Any:
    """The document that this problem is answered with."""
    error = Invalid([MISSING_TITLE]) if problem is Invalid else problem()
    return strict_json.parse(error.body("4c1f6ab29d0e4a7f8c35be6d7f901234"))
