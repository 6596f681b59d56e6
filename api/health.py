"""Kubernetes-style probes. No probe sends a statement to the database.

Probes would wake a suspended database and keep it awake, and an outage of the database would take
every instance out of service at once. Readiness therefore reports what the last requests learned
of the database, and depends on it only under ``READY_REQUIRES_DATABASE``.
"""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api import __version__
from api.database.engine import Database
from api.state import State, started_state

HEALTH_JSON = "application/health+json"

router = APIRouter(include_in_schema=False)


@router.get("/livez")
@router.get("/healthz")
async def live() -> Response:
    """200 as long as the event loop runs."""
    return _health(passes=True)


@router.get("/startupz")
async def started(request: Request) -> Response:
    """200 once the application has started, else 503."""
    return _health(passes=_state(request) is not None)


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 while the worker takes traffic: started, not draining, not saturated; else 503."""
    state = _state(request)
    if state is None or state.is_draining:
        return _health(passes=False)
    failing = state.database.is_failing() and state.settings.ready_requires_database
    checks = {"database": _database_check(state.database)}
    return _health(passes=not failing and not state.in_flight.is_saturated(), checks=checks)


def _state(request: Request) -> State | None:
    return started_state(request.scope.get("state", {}))


def _database_check(database: Database) -> dict[str, Any]:
    check: dict[str, Any] = {
        "status": "warn" if database.is_failing() else "pass",
        "failures": database.failures,
    }
    if database.failures:
        check["seconds_since_failure"] = round(database.seconds_since_failure(), 1)
    return check


def _health(*, passes: bool, checks: dict[str, Any] | None = None) -> Response:
    body: dict[str, Any] = {"status": "pass" if passes else "fail", "version": __version__}
    text = orjson.dumps(body | ({"checks": checks} if checks else {}))
    return Response(text, 200 if passes else 503, media_type=HEALTH_JSON)
