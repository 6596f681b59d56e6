"""What ``UserRoute`` cannot bind is refused when the route is declared."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    File,
    Form,
    Header,
    Query,
    Security,
    UploadFile,
)
from fastapi.security import SecurityScopes
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from api.web.user_route import UserId, UserRoute

PATH = "/api/{user_id}/things"


class Model(BaseModel):
    """A body or a query."""

    name: str


async def depends(value: Annotated[str, Depends(lambda: "x")]) -> None: ...
async def security(value: Annotated[str, Security(lambda: "x")]) -> None: ...
async def cookie(value: Annotated[str, Cookie()]) -> None: ...
async def form(value: Annotated[str, Form()]) -> None: ...
async def file(value: Annotated[bytes, File()]) -> None: ...
async def two_bodies(one: Model, other: Model) -> None: ...
async def background(tasks: BackgroundTasks) -> None: ...
async def response(response: Response) -> None: ...
async def connection(socket: WebSocket) -> None: ...
async def upload(file: UploadFile) -> None: ...
async def scopes(scopes: SecurityScopes) -> None: ...
async def loose_query(limit: int = 1) -> None: ...
async def two_queries(one: Annotated[Model, Query()], limit: int = 1) -> None: ...
def synchronous(user_id: UserId) -> None: ...


REFUSED = {
    depends: "dependencies (Depends, Security)",
    security: "dependencies (Depends, Security)",
    cookie: "cookie parameters",
    form: "forms and files",
    file: "forms and files",
    upload: "forms and files",
    two_bodies: "more than one body parameter",
    background: "background tasks",
    response: "a response parameter: return the response",
    connection: "a connection parameter: ask for the request",
    scopes: "security scopes",
    loose_query: "query parameters outside one model",
    two_queries: "query parameters outside one model",
    synchronous: "an endpoint that is not async",
}


@pytest.mark.parametrize("endpoint", REFUSED, ids=lambda endpoint: endpoint.__name__)
def test_what_cannot_be_bound_is_refused_in_one_sentence(endpoint: Callable[..., Any]) -> None:
    with pytest.raises(TypeError) as caught:
        UserRoute(PATH, endpoint, response_model=None)

    sentence = f"{endpoint.__name__}: UserRoute does not support {REFUSED[endpoint]}."
    assert str(caught.value) == sentence


def test_dependencies_of_the_route_are_refused() -> None:
    async def endpoint(user_id: UserId) -> None: ...

    with pytest.raises(TypeError, match="dependencies"):
        UserRoute(PATH, endpoint, dependencies=[Depends(lambda: "x")], response_model=None)


def test_a_path_without_a_user_is_refused() -> None:
    async def endpoint() -> None: ...

    with pytest.raises(TypeError, match=r"a path without \{user_id\}"):
        UserRoute("/api/things", endpoint, response_model=None)


def test_path_query_header_body_and_request_are_bound() -> None:
    async def endpoint(
        user_id: UserId,
        query: Annotated[Model, Query()],
        body: Annotated[Model, Body()],
        request: Request,
        key: Annotated[str, Header()] = "",
    ) -> None: ...

    assert inspect.iscoroutinefunction(UserRoute(PATH, endpoint, response_model=None).endpoint)
