"""The route class of everything under ``/api/{user_id}``: only that user's token enters.

The checks run before the body is read or a parameter is parsed, so that an unauthorised request
costs little and learns nothing. They run in the order 413, 401, 403, 408, 415, 400, 422.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_origin

from fastapi import Path, UploadFile
from fastapi.dependencies.models import Dependant
from fastapi.params import File, Form
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import UserMismatch
from api.problems.problem import Problem
from api.telemetry import request_context
from api.web.binding import bind
from api.web.middleware import PIECE_BYTES
from api.web.preconditions import check_preconditions
from api.web.problem_response import respond
from api.web.state import web_state
from api.web.strict_request import (
    IDEMPOTENCY_KEY,
    StrictRequest,
    check_idempotency_key,
    check_path,
    check_size,
)

UserId = Annotated[str, Path(description="The user id: `sub` of the access token.")]


class UserRoute(APIRoute):
    """A route whose endpoint runs only for the user named by ``{user_id}`` in its path.

    FastAPI describes the route but does not run it: ``bind`` takes a tenth of the time of its
    general dependency resolution. Query parameters are the fields of at most one model. A body
    model may have a ``max_body_bytes`` of its own in place of ``MAX_BODY_BYTES``. Raises
    ``TypeError`` at declaration for an endpoint that ``bind`` cannot call.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if _has_form(endpoint):  # before FastAPI asks for a package that parses forms
            raise TypeError(f"{endpoint.__name__}: UserRoute does not support forms and files.")
        super().__init__(path, endpoint, **options)
        if unsupported := _unsupported(self.dependant, endpoint, path):
            raise TypeError(f"{endpoint.__name__}: UserRoute does not support {unsupported[0]}.")
        models: list[Any] = [p.field_info.annotation for p in self.dependant.query_params]
        query = {name: field for model in models for name, field in model.model_fields.items()}
        self._names = query.keys()
        self._repeatable = {n for n in query if get_origin(query[n].annotation) is list}
        self._headers = {parameter.alias for parameter in self.dependant.header_params}
        body: Any = self.body_field and self.body_field.field_info.annotation
        self._max_body_bytes: int | None = getattr(body, "max_body_bytes", None)
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = StrictRequest(scope, receive)
        try:
            response = await self._answer(request)
            # A write was applied: to refuse its answer would say that nothing was changed.
            if len(response.body) > PIECE_BYTES and request.method == "GET":
                with web_state(request).in_flight.waiting(request.path_params["user_id"]):
                    await response(scope, receive, send)
                return
        except Problem as problem:
            # Caught here because FastAPI's handlers would cost a refused request as much as a page.
            response = respond(problem)
        await response(scope, receive, send)

    async def _answer(self, request: StrictRequest) -> Response:
        check_path(request)
        max_bytes = self._max_body_bytes or web_state(request).settings.max_body_bytes
        check_size(request, max_bytes)
        await _authorize(request)
        if request.method != "GET":
            with web_state(request).in_flight.waiting(request.path_params["user_id"]):
                await request.read(max_bytes)
        if self.body_field:
            request.check_media_type()
        check_idempotency_key(request, is_supported=IDEMPOTENCY_KEY in self._headers)
        check_preconditions(request, self._headers)
        request.read_query(self._names, self._repeatable)
        request.parse()
        if not self.body_field:
            request.check_no_members()
        answer: Response = await self.endpoint(**bind(self.dependant, request))
        return answer


async def _authorize(request: Request) -> None:
    user_id = await web_state(request).authenticator.user_id(request.scope["headers"])
    request_context.current().user_id = user_id
    if request.path_params["user_id"] != user_id:
        raise UserMismatch(reason=AuthFailure.FORBIDDEN)


def _unsupported(dependant: Dependant, endpoint: Callable[..., Any], path: str) -> list[str]:
    """What the endpoint asks for and ``bind`` cannot give."""
    query = [field.field_info.annotation for field in dependant.query_params]
    connection = dependant.websocket_param_name or dependant.http_connection_param_name
    found = {
        "a path without {user_id}": "{user_id}" not in path,
        "an endpoint that is not async": not inspect.iscoroutinefunction(endpoint),
        "dependencies (Depends, Security)": dependant.dependencies,
        "cookie parameters": dependant.cookie_params,
        "more than one body parameter": len(dependant.body_params) > 1,
        "background tasks": dependant.background_tasks_param_name,
        "a response parameter: return the response": dependant.response_param_name,
        "a connection parameter: ask for the request": connection,
        "security scopes": dependant.security_scopes_param_name,
        "query parameters outside one model": len(query) > 1 or not all(map(_is_model, query)),
    }
    return [noun for noun, present in found.items() if present]


def _has_form(endpoint: Callable[..., Any]) -> bool:
    for parameter in inspect.signature(endpoint, eval_str=True).parameters.values():
        marks = (*getattr(parameter.annotation, "__metadata__", ()), parameter.default)
        if parameter.annotation is UploadFile or any(isinstance(m, Form | File) for m in marks):
            return True
    return False


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
