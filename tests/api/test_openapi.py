"""The OpenAPI document matches the code, is valid, and declares every response."""

import re
from http import HTTPMethod

import httpx2 as httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.openapi import document
from api.problems import catalogue
from api.problems.problem import PROBLEM_JSON, Problem
from api.tasks.fields import MAX_BIGINT
from tests.support.http.client import check_response
from tests.support.http.openapi_validation import DOCUMENT, OPERATIONS, answers, resolved

ALL, ONE = "/api/{user_id}/tasks", "/api/{user_id}/tasks/{id}"
READ = {200, 400, 401, 403, 404, 413, 414, 422, 429, 431, 500, 502, 503}
WRITE = READ | {408, 504}
BODY = WRITE | {415}


def test_committed_document_matches_the_code() -> None:
    assert document.FILE.read_text() == document.text(), "run `make openapi`"


def test_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()

    assert DOCUMENT["openapi"].startswith("3.1.")


def test_api_serves_the_committed_document(base_url: str) -> None:
    response = httpx.get(f"{base_url}/openapi.json")

    check_response(response)
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT


def test_operation_ids_and_paths_are_stable() -> None:
    assert {name: (method, path) for name, (method, path, _) in OPERATIONS.items()} == {
        "list_tasks": ("GET", ALL),
        "create_task": ("POST", ALL),
        "read_task": ("GET", ONE),
        "update_task": ("PUT", ONE),
        "patch_task": ("PATCH", ONE),
        "delete_task": ("DELETE", ONE),
        "complete_task": ("PATCH", f"{ONE}/complete"),
        "read_changes": ("GET", f"{ALL}/changes"),
        "apply_batch": ("POST", f"{ALL}/batch"),
        "list_trash": ("GET", f"{ALL}/trash"),
        "restore_task": ("POST", f"{ONE}/restore"),
        "erase_task": ("DELETE", f"{ALL}/trash/{{id}}"),
    }


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("list_tasks", READ | {304}),
        ("list_trash", READ | {304}),
        ("restore_task", WRITE | {412}),
        ("erase_task", WRITE | {412}),
        ("create_task", BODY - {200} | {201}),
        ("read_task", READ | {304}),
        ("update_task", BODY | {412}),
        ("patch_task", BODY | {412}),
        ("delete_task", WRITE | {412}),
        ("complete_task", BODY | {412}),
        ("read_changes", READ | {304, 410}),
        ("apply_batch", BODY | {412}),
    ],
)
def test_every_operation_declares_its_responses(operation: str, statuses: set[int]) -> None:
    assert set(answers(operation)) == statuses


def test_responses_declare_every_code_except_method_not_allowed() -> None:
    named = {
        (status, code)
        for operation in OPERATIONS
        for status, answer in answers(operation).items()
        for code in answer.get("content", {}).get(PROBLEM_JSON, {}).get("examples", ())
    }
    problems: list[type[Problem]] = [Problem, *Problem.__subclasses__()]

    assert named == {(p.status, p.code) for p in problems if p is not catalogue.MethodNotAllowed}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_error_response_lists_its_problem_codes(operation: str) -> None:
    for status, answer in answers(operation).items():
        if status >= 400:
            [media, content] = next(iter(answer["content"].items()))
            problem, narrowed = content["schema"]["allOf"]

            assert (media, problem) == (
                PROBLEM_JSON,
                {"$ref": "#/components/schemas/Problem"},
            )
            assert narrowed["properties"]["status"] == {"const": status}
            assert narrowed["properties"]["code"] == {"enum": list(content["examples"])}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_response_declares_its_headers(operation: str) -> None:
    by_status = {401: {"WWW-Authenticate"}, 201: {"ETag", "Location", "Idempotency-Replayed"}}
    by_status[429] = by_status[503] = {"Retry-After"}
    by_status[200] = by_status[304] = by_status[412] = {"ETag"}
    if operation in {"list_tasks", "list_trash"}:
        by_status[200] = {"ETag", "Link"}
    if operation == "apply_batch":
        by_status[200], by_status[412] = {"Idempotency-Replayed"}, set()

    for status, answer in answers(operation).items():
        assert set(answer["headers"]) == {"X-Request-ID", "Cache-Control"} | by_status.get(
            status, set()
        )


def test_every_id_is_an_integer_of_64_bits() -> None:
    schemas = DOCUMENT["components"]["schemas"].values()
    ids = [found for schema in schemas if (found := schema.get("properties", {}).get("id"))]

    assert len(ids) >= 6
    assert {found["format"] for found in ids} == {"int64"}
    assert {found.get("maximum", MAX_BIGINT) for found in ids} == {MAX_BIGINT}


def test_every_operation_needs_a_bearer_token() -> None:
    assert DOCUMENT["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert all(operation["security"] == [{"token": []}] for _, _, operation in OPERATIONS.values())


def test_created_task_links_to_all_operations_on_it() -> None:
    links = answers("create_task")[201]["links"]

    assert set(links) == {name for name, (_, path, _) in OPERATIONS.items() if "{id}" in path}


def test_patch_accepts_the_merge_patch_media_type() -> None:
    for method, _, operation in OPERATIONS.values():
        media = set(operation.get("requestBody", {"content": {}})["content"])

        assert ("application/merge-patch+json" in media) == (method == HTTPMethod.PATCH)


def test_request_schemas_forbid_unknown_members() -> None:
    operations = ("CreateOperation", "UpdateOperation", "DeleteOperation", "RestoreOperation")
    for name in ("TaskCreate", "TaskUpdate", "Completion", "Batch", *operations):
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_only_the_body_of_complete_is_optional() -> None:
    bodies = {n: o["requestBody"] for n, (_, _, o) in OPERATIONS.items() if "requestBody" in o}

    assert {n for n, body in bodies.items() if not body.get("required")} == {"complete_task"}


def test_every_reference_resolves() -> None:
    references = re.findall(r'"\$ref": "([^"]+)"', document.FILE.read_text())

    assert all(resolved({"$ref": reference}) for reference in references)
