"""The API with a defect: a route that blocks the event loop."""

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.main import from_environment


async def block(_request: Request) -> Response:
    """Block the event loop for a minute."""
    time.sleep(60)  # noqa: ASYNC251, the defect
    return Response()


app = from_environment()
app.router.routes.append(Route("/block", block))
