"""Whether this process lives, has started, and takes traffic. No probe asks the database."""

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api import __version__

HEALTH_JSON = "application/health+json"

router = APIRouter(include_in_schema=False)


@router.get("/livez")
@router.get("/healthz")
async def live() -> Response:
    """The event loop turns."""
    return _health("pass", 200)


@router.get("/readyz")
@router.get("/startupz")
async def ready(request: Request) -> Response:
    """The application has started; a database that is away does not take it out of service."""
    started = getattr(request.app.state, "database", None) is not None
    return _health("pass", 200) if started else _health("fail", 503)


def _health(status: str, code: int) -> Response:
    body = orjson.dumps({"status": status, "version": __version__})
    return Response(body, code, media_type=HEALTH_JSON)
