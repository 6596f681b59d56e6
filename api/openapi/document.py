"""The API's description (OpenAPI 3.1), made of routes, models and errors so that it stays true.

FastAPI sees parameters and bodies. What guards, database and middleware answer it does not see;
that is added here: errors, headers, credentials, links, examples. ``make openapi`` writes the file.
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
from api.tasks.routes import router
from api.web.middleware import REQUEST_ID
from api.web.strict_request import JSON, MERGE_PATCH

FILE = Path(__file__).parents[1] / "openapi.json"
ROUTES = [r for r in router.routes if isinstance(r, APIRoute) and r.include_in_schema]
INFO: dict[str, Any] = {
    "title": "tasks-api",
    "version": __version__,
    "license_info": {"name": "MIT", "identifier": "MIT"},
    "description": """\
Tasks of many users, each seen by its owner alone: `{user_id}` is the `sub` of the access token.

- 503 means that certainly nothing was changed: try again after `Retry-After`. 504 means that a
  change may have been made: read, or repeat a create with the same `Idempotency-Key`.
- Unknown members and query parameters are errors, never ignored.
- HEAD works wherever GET does, OPTIONS everywhere; any other method is 405, with `Allow`.
""",
}

HEADERS: dict[str, Any] = {
    "X-Request-ID": {
        "description": "The request's own one if it is well formed. It finds the log line.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{REQUEST_ID.pattern.decode()}$"},
    },
    "Cache-Control": {
        "description": "`no-store` on errors.",
        "required": True,
        "schema": {"enum": ["private, no-cache", "no-store"]},
    },
    "Location": {
        "description": "The path of the task.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "An earlier request with this `Idempotency-Key` made the task.",
        "schema": {"const": "true"},
    },
    "Link": {
        "description": "Where the next page is (RFC 8288); without it, this is the last one.",
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
    },
    "WWW-Authenticate": {
        "description": "The challenge (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    },
    "Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}},
}
ALWAYS = ("X-Request-ID", "Cache-Control")
SOMETIMES = {"list_tasks": ("Link",), "create_task": ("Location", "Idempotency-Replayed")}
TASK_PARAMETERS = {"user_id": "$response.body#/user_id", "id": "$response.body#/id"}
LINKS = {
    route.name: {"operationId": route.name, "parameters": TASK_PARAMETERS}
    for route in ROUTES
    if "{id}" in route.path
}


def document() -> dict[str, Any]:
    """The whole description."""
    made = get_openapi(**INFO, routes=ROUTES)
    _drop_titles([made["paths"], made["components"]])
    schemas = made["components"]["schemas"] | {"Problem": PROBLEM}
    made["components"] = {
        "schemas": {name: schemas[name] for name in schemas if "ValidationError" not in name},
        "responses": {r.name: _response(r) for route in ROUTES for r in error_responses(route)},
        "headers": HEADERS,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
    for route in ROUTES:
        for method in route.methods or ():
            _complete(made["paths"][route.path][method.lower()], route)
    return made


@cache
def text() -> str:
    """The description as it is committed."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """Say of one operation what FastAPI does not know."""
    status = str(route.status_code or 200)
    answer = operation["responses"][status]
    answer["headers"] = _headers(SOMETIMES.get(route.name, ()))
    if route.name == "create_task":
        answer["links"] = LINKS
    _add_examples(answer, {name: answered for name, (_, answered) in EXAMPLES[route.name].items()})
    errors = {str(r.status): _reference("responses", r.name) for r in error_responses(route)}
    operation |= {"security": [{"token": []}], "responses": {status: answer, **errors}}
    for parameter in operation["parameters"]:
        parameter["schema"].pop("description", None)
    if body := operation.get("requestBody"):
        _add_examples(body, {name: sent for name, (sent, _) in EXAMPLES[route.name].items()})
        media = MERGE_PATCH if "PATCH" in (route.methods or ()) else JSON
        body["content"] = dict.fromkeys(sorted(media), body["content"]["application/json"])


def _add_examples(holder: dict[str, Any], values: Mapping[str, Any]) -> None:
    examples = {name: {"value": value} for name, value in values.items()}
    holder["content"]["application/json"]["examples"] = examples


def _response(refusal: ErrorResponse) -> dict[str, Any]:
    return refusal.response() | {"headers": _headers(refusal.headers)}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    wanted = {*ALWAYS, *names}
    return {name: _reference("headers", name) for name in HEADERS if name in wanted}


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _drop_titles(node: Any) -> None:
    """Pydantic gives everything its own name as a title."""
    if isinstance(node, dict) and isinstance(node.get("title"), str):
        del node["title"]
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            _drop_titles(child)


if __name__ == "__main__":
    FILE.write_text(text())
