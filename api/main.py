"""The application: the only module that imports every other package."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api import health
from api.auth.jwks_source import open_jwks
from api.auth.policy import Policy
from api.auth.verify import Verifier
from api.config.settings import Settings, load
from api.database.causes import Cause
from api.database.engine import Database
from api.database.pool import StaleReason
from api.openapi import docs
from api.problems.auth_failure import AuthFailure
from api.problems.problem import Problem
from api.state import State
from api.tasks import routes as tasks
from api.tasks.statements import STATEMENTS
from api.telemetry import exposition, logs, metrics, request_metrics, runtime_metrics
from api.web import exception_handlers
from api.web.cors import CorsMiddleware
from api.web.load_shedding import InFlightLimiter, SheddingMiddleware
from api.web.middleware import CrashMiddleware, RequestMiddleware
from api.web.routing import match_whole_paths
from api.web.state import KEY

log = structlog.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """The API for these settings; it opens no socket before its lifespan starts.

    Raises ``SystemExit`` with a sentence for settings that contradict one another.
    """
    in_flight = InFlightLimiter(settings.max_in_flight)
    app = FastAPI(
        lifespan=partial(_lifespan, settings, Policy.from_settings(settings), in_flight),
        # FastAPI's own telemetry asks three providers on every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
        openapi_url=None,
        # A flat list: a router added by include_router is matched twice per request.
        routes=match_whole_paths(
            *tasks.router.routes,
            *health.router.routes,
            *exposition.router.routes,
            *docs.routes(settings.environment),
        ),
    )
    metrics.initialise(
        settings.revision,
        operations=tasks.OPERATIONS,
        statements=STATEMENTS,
        label_values={
            metrics.PROBLEMS: Problem.codes,
            metrics.AUTH_FAILURES: AuthFailure,
            metrics.RECONNECTS: StaleReason,
            metrics.UNAVAILABLE: Cause,
        },
    )
    request_metrics.initialise(tasks.router.routes)
    app.add_exception_handler(Problem, exception_handlers.problem)
    app.add_exception_handler(RequestValidationError, exception_handlers.invalid)
    app.add_exception_handler(HTTPException, exception_handlers.http)
    # From the innermost to the outermost.
    app.add_middleware(CrashMiddleware)
    app.add_middleware(SheddingMiddleware, limiter=in_flight)
    if settings.cors_origins:
        app.add_middleware(CorsMiddleware, settings.cors_origins)
    app.add_middleware(RequestMiddleware)
    return app


def from_environment() -> FastAPI:
    """The API as gunicorn starts it: settings from the environment, logs on stdout."""
    settings = load()
    logs.configure(settings.log_level)
    return create_app(settings)


@asynccontextmanager
async def _lifespan(
    settings: Settings, policy: Policy, in_flight: InFlightLimiter, _app: FastAPI
) -> AsyncIterator[dict[str, State]]:
    """Make the worker's state. The database is not asked: the first request connects to it."""
    database = Database(settings)
    gauges = {
        metrics.IN_FLIGHT: lambda: in_flight.count,
        metrics.POOL_USED: database.in_use,
        metrics.FAILURES: lambda: database.failures,
    }
    async with open_jwks(settings) as keys, runtime_metrics.reported(settings, gauges):
        verifier = Verifier(policy, settings.better_auth_secret, keys)
        settle_garbage_collector()
        log.info("started", algorithms=sorted(policy.algorithms))
        yield {KEY: State(settings, verifier, in_flight, database)}
        await database.close()


def settle_garbage_collector() -> None:
    """Exclude the objects made at start from later collections, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
