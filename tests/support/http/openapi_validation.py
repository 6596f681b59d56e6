"""The committed OpenAPI document, and checks of answers against it."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from api.openapi import document

DOCUMENT: dict[str, Any] = json.loads(document.FILE.read_text())
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def resolved(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a reference stands for, or the object itself."""
    found: dict[str, Any] = dict(node)
    if "$ref" in node:
        found = DOCUMENT
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return found


def answers(operation_id: str) -> dict[int, dict[str, Any]]:
    """The Response Objects of an operation."""
    _, _, operation = OPERATIONS[operation_id]
    return {int(status): resolved(answer) for status, answer in operation["responses"].items()}


def check(schema: Mapping[str, Any], value: object) -> None:
    """Raise ``ValidationError`` unless the value, its formats too, is what the schema says."""
    whole = {**schema, "components": DOCUMENT["components"]}
    OAS31Validator(whole, format_checker=oas31_format_checker).validate(value)


def check_answer(operation_id: str, response: httpx.Response) -> None:
    """Hold status, media type, body and headers of an answer against the description."""
    answer = answers(operation_id)[response.status_code]
    check(answer["content"][response.headers["content-type"]]["schema"], response.json())
    for name, reference in answer["headers"].items():
        header = resolved(reference)
        assert name in response.headers or not header.get("required"), name
        if name in response.headers:
            value: object = response.headers[name]
            is_integer = header["schema"].get("type") == "integer"
            check(header["schema"], int(str(value)) if is_integer else value)
