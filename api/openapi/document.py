"""The OpenAPI 3.1 document, generated from routes, models and problem classes.

FastAPI describes parameters and bodies. This module adds what it does not know: error responses,
headers, security, links and examples. ``make openapi`` writes the file.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import __version__
from api.openapi.error_responses import PROBLEM, ErrorResponse, error_responses
from api.openapi.examples import EXAMPLES
from api.tasks.fields import MAX_BIGINT
from api.tasks.routes import router
from api.web.json_body import JSON, MERGE_PATCH
from api.web.middleware import REQUEST_ID
from api.web.preconditions import IF_NONE_MATCH

FILE = Path(__file__).parents[1] / "openapi.json"
ROUTES = [r for r in router.routes if isinstance(r, APIRoute) and r.include_in_schema]
INFO: dict[str, Any] = {
    "title": "tasks-api",
    "version": __version__,
    "license_info": {"name": "MIT", "identifier": "MIT"},
    "description": """\
Each user's tasks are visible to that user only: `{user_id}` is the `sub` of the access token.

- 503: nothing was changed; retry after `Retry-After`. 504: the outcome is unknown, a change may
  have been applied; read the task, or repeat a create with the same `Idempotency-Key`.
- Unknown members and query parameters are refused with 422, never ignored.
- HEAD works wherever GET does, OPTIONS everywhere; any other method is 405 with `Allow`.
""",
}

HEADERS: dict[str, Any] = {
    "X-Request-ID": {
        "description": "The request's own id if it is well formed, else a new one; logged.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{REQUEST_ID.pattern.decode()}$"},
    },
    "Cache-Control": {
        "description": "`no-store` for errors.",
        "required": True,
        "schema": {"enum": ["private, no-cache", "no-store"]},
    },
    "ETag": {
        "description": "The version (RFC 9110 section 8.8.3), for `If-Match` and `If-None-Match`.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[!#-~]+"$'},
    },
    "Location": {
        "description": "The path of the task.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "An earlier request with this `Idempotency-Key` was applied.",
        "schema": {"const": "true"},
    },
    "Link": {
        "description": "The next page (RFC 8288); absent on the last page.",
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
    },
    "WWW-Authenticate": {
        "description": "The challenge (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    },
    "Retry-After": {
        "description": "Seconds; absent where waiting does not help.",
        "schema": {"type": "integer"},
    },
}
COMMON_HEADERS = ("X-Request-ID", "Cache-Control")
HEADERS_BY_OPERATION = {
    "list_tasks": ("ETag", "Link"),
    "create_task": ("ETag", "Location", "Idempotency-Replayed"),
    "list_trash": ("ETag", "Link"),
    "read_task": ("ETag",),
    "update_task": ("ETag",),
    "patch_task": ("ETag",),
    "delete_task": ("ETag",),
    "complete_task": ("ETag",),
    "restore_task": ("ETag",),
    "erase_task": ("ETag",),
    "apply_batch": ("Idempotency-Replayed",),
    "read_changes": ("ETag",),
}
TASK_PARAMETERS = {"user_id": "$response.body#/user_id", "id": "$response.body#/id"}
LINKS = {
    route.name: {"operationId": route.name, "parameters": TASK_PARAMETERS}
    for route in ROUTES
    if "{id}" in route.path
}
LINKS_BY_OPERATION = {
    "create_task": LINKS,
    "delete_task": {name: LINKS[name] for name in ("restore_task", "erase_task")},
}


def document() -> dict[str, Any]:
    """The whole OpenAPI document."""
    openapi = get_openapi(**INFO, routes=ROUTES)
    _correct([openapi["paths"], openapi["components"]])
    schemas = openapi["components"]["schemas"] | {"Problem": PROBLEM}
    openapi["components"] = {
        "schemas": {name: schemas[name] for name in schemas if "ValidationError" not in name},
        "responses": {
            "NotModified": {
                "description": "What the client has is current.",
                "headers": _headers(["ETag"]),
            },
            **{r.name: _response(r) for route in ROUTES for r in error_responses(route)},
        },
        "headers": HEADERS,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
    for route in ROUTES:
        for method in route.methods or ():
            _complete(openapi["paths"][route.path][method.lower()], route)
    return openapi


@cache
def text() -> str:
    """The document as the text of the committed file."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """Add to one operation what FastAPI does not know."""
    status = str(route.status_code or 200)
    answer = operation["responses"][status]
    answer["headers"] = _headers(HEADERS_BY_OPERATION.get(route.name, ()))
    if links := LINKS_BY_OPERATION.get(route.name):
        answer["links"] = links
    _add_examples(answer, {name: answered for name, (_, answered) in EXAMPLES[route.name].items()})
    errors = {str(r.status): _reference("responses", r.name) for r in error_responses(route)}
    if any(parameter.alias == IF_NONE_MATCH for parameter in route.dependant.header_params):
        errors["304"] = _reference("responses", "NotModified")
    responses = {status: answer, **dict(sorted(errors.items()))}
    operation |= {"security": [{"token": []}], "responses": responses}
    for parameter in operation["parameters"]:
        parameter["schema"].pop("description", None)
    if body := operation.get("requestBody"):
        _add_examples(body, {name: sent for name, (sent, _) in EXAMPLES[route.name].items()})
        media = MERGE_PATCH if "PATCH" in (route.methods or ()) else JSON
        body["content"] = dict.fromkeys(sorted(media), body["content"]["application/json"])


def _add_examples(holder: dict[str, Any], values: Mapping[str, Any]) -> None:
    examples = {name: {"value": value} for name, value in values.items()}
    holder["content"]["application/json"]["examples"] = examples


def _response(error: ErrorResponse) -> dict[str, Any]:
    return error.response() | {"headers": _headers(error.headers)}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    included = {*COMMON_HEADERS, *names}
    return {name: _reference("headers", name) for name in HEADERS if name in included}


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _correct(node: Any) -> None:
    """Remove the titles that Pydantic generates from names, and restore the greatest id."""
    if isinstance(node, dict) and isinstance(node.get("title"), str):
        del node["title"]
    if isinstance(node, dict) and node.get("maximum") == float(MAX_BIGINT):
        node["maximum"] = MAX_BIGINT  # FastAPI's model of a schema has floats
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            _correct(child)


if __name__ == "__main__":
    FILE.write_text(text())
