"""What an endpoint is called with: the parameters of its signature, each validated as declared.

FastAPI describes them and would bind them too, but it looks with every request for what ours never
are (forms, files, lists, other names): for a list's eleven that takes ten times as long as this.
"""

from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from api.web.strict_request import ABSENT, StrictRequest

Where = tuple[str, ...]


def bind(dependant: Dependant, request: StrictRequest) -> dict[str, Any]:
    """The arguments by name; raises ``RequestValidationError`` with all that is wrong."""
    arguments: dict[str, Any] = {"request": request}
    errors: list[dict[str, Any]] = []
    for field, where, received in _received(dependant, request):
        arguments[field.name], found = _validated(field, where, received)
        errors += found
    if errors:
        raise RequestValidationError(errors)
    return arguments


def _received(dependant: Dependant, request: StrictRequest) -> Iterator[tuple[Any, Where, Any]]:
    """Each parameter, where it stands, and what stands there; query and body are one model each."""
    for field in dependant.path_params:
        yield field, ("path", field.alias), request.path_params[field.alias]
    for field in dependant.query_params:
        yield field, ("query",), request.query
    for field in dependant.header_params:
        yield field, ("header", field.alias), request.headers.get(field.alias, ABSENT)
    for field in dependant.body_params:
        yield field, ("body",), request.value


def _validated(field: Any, where: Where, received: Any) -> tuple[Any, list[dict[str, Any]]]:
    if received is not ABSENT:
        found: tuple[Any, list[dict[str, Any]]] = field.validate(received, loc=where)
        return found
    if field.field_info.is_required():
        return None, [{"type": "missing", "loc": where, "msg": "Field required"}]
    return field.get_default(), []
