"""Whether this process lives, has started, and takes traffic. No probe asks the database.

A sleeping database would be woken, and kept awake, by probes; and one that is away would take every
instance out of service at once. So readiness knows the database from the last requests alone, says
so in its body, and fails for it only under ``READY_REQUIRES_DATABASE``.
"""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api import __version__
from api.database.engine import Database

HEALTH_JSON = "application/health+json"

router = APIRouter(include_in_schema=False)
_draining: list[bool] = []


def drain() -> None:
    """From now on this process is not ready: it is about to stop."""
    _draining.append(True)


@router.get("/livez")
@router.get("/healthz")
async def live() -> Response:
    """The event loop turns."""
    return _health(passes=True)


@router.get("/startupz")
async def started(request: Request) -> Response:
    """The application has started."""
    return _health(passes=_has_started(request))


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """The application has started, is not about to stop, and is not held at its load limit."""
    state = request.app.state
    if not _has_started(request) or _draining:
        return _health(passes=False)
    failing = state.database.is_failing()
    required = failing and state.settings.ready_requires_database
    checks = {"database": _known(state.database)}
    return _health(passes=not required and not state.load.is_saturated(), checks=checks)


def _known(database: Database) -> dict[str, Any]:
    """What the last requests learned of the database."""
    known: dict[str, Any] = {
        "status": "warn" if database.is_failing() else "pass",
        "failures": database.failures,
    }
    if database.failures:
        known["seconds_since_failure"] = round(database.seconds_since_failure(), 1)
    return known


def _has_started(request: Request) -> bool:
    return getattr(request.app.state, "database", None) is not None


def _health(*, passes: bool, checks: dict[str, Any] | None = None) -> Response:
    body: dict[str, Any] = {"status": "pass" if passes else "fail", "version": __version__}
    text = orjson.dumps(body | ({"checks": checks} if checks else {}))
    return Response(text, 200 if passes else 503, media_type=HEALTH_JSON)
