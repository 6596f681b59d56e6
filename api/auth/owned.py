"""A route that only the user named in its path may enter.

The checks run before FastAPI reads the body or looks at a parameter, so that a stranger buys
neither parsing time nor knowledge. Their order is the order of the answers:
413, 401, 403, 408, 415, 400, 422.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_origin

from fastapi import Path
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api import trace
from api.errors import UserMismatch
from api.strict import (
    StrictRequest,
    check_idempotency_key,
    check_path,
    check_query,
    check_size,
)

Owner = Annotated[str, Path(description="The user id: `sub` of the access token.")]


class OwnedRoute(APIRoute):
    """Its path has ``{user_id}``; the endpoint runs only for the token of that user.

    Query parameters, where there are any, are the fields of one model.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads_body = self.body_field is not None
        models: list[Any] = [p.field_info.annotation for p in self.dependant.query_params]
        query = {name: field for model in models for name, field in model.model_fields.items()}
        repeatable = {name for name in query if get_origin(query[name].annotation) is list}

        async def owned(request: Request) -> Response:
            check_path(request)
            check_size(request)
            await _authorize(request)
            strict = StrictRequest(request.scope, request.receive)
            if reads_body:
                await strict.read()
                strict.check_media()
                check_idempotency_key(strict)
            check_query(strict, query.keys(), repeatable)
            strict.parse()
            return await handle(strict)

        return owned


async def _authorize(request: Request) -> None:
    subject = await request.app.state.verifier.subject(request.scope["headers"])
    trace.current().user_id = subject
    if request.path_params["user_id"] != subject:
        raise UserMismatch(reason="forbidden")
