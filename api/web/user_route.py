"""A route that only the user named in its path may enter.

The checks run before the body is read or a parameter looked at, so that a stranger buys neither
parsing time nor knowledge. Their order is the order of the answers: 413, 401, 403, 408, 415, 400,
422.
"""

from typing import Annotated, Any, get_origin

from fastapi import Path
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import UserMismatch
from api.problems.problem import Problem
from api.telemetry import request_context
from api.web.binding import bind
from api.web.strict_request import StrictRequest, check_idempotency_key, check_path, check_size

UserId = Annotated[str, Path(description="The user id: `sub` of the access token.")]


class UserRoute(APIRoute):
    """Its path has ``{user_id}``; the endpoint runs only for the token of that user.

    Query parameters, where there are any, are the fields of one model. FastAPI describes the
    route, and does not run it: its way to an endpoint makes room for dependencies and forms.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        models: list[Any] = [p.field_info.annotation for p in self.dependant.query_params]
        query = {name: field for model in models for name, field in model.model_fields.items()}
        self._names = query.keys()
        self._repeatable = {n for n in query if get_origin(query[n].annotation) is list}
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(StrictRequest(scope, receive))
        except Problem as problem:
            # Here: further out it would cost a refused caller what a page costs.
            response = problem.response()
        await response(scope, receive, send)

    async def _answer(self, request: StrictRequest) -> Response:
        check_path(request)
        check_size(request)
        await _authorize(request)
        if self.body_field:
            await request.read()
            request.check_media()
            check_idempotency_key(request)
        request.read_query(self._names, self._repeatable)
        request.parse()
        answer: Response = await self.endpoint(**bind(self.dependant, request))
        return answer


async def _authorize(request: Request) -> None:
    user_id = await request.app.state.verifier.user_id(request.scope["headers"])
    request_context.current().user_id = user_id
    if request.path_params["user_id"] != user_id:
        raise UserMismatch(reason=AuthFailure.FORBIDDEN)
