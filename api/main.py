"""The application: the only file that knows all the others."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api import health
from api.auth.jwks_source import open_jwks
from api.auth.policy import Policy
from api.auth.verify import Verifier
from api.config.settings import Settings, load
from api.database.engine import Database
from api.database.pool import StaleReason
from api.database.sqlstates import CAUSES
from api.openapi import docs
from api.problems.auth_failure import AuthFailure
from api.problems.problem import Problem
from api.tasks import routes as tasks
from api.tasks.statements import STATEMENTS
from api.telemetry import exposition, logs, metrics, runtime_metrics
from api.web import exception_handlers
from api.web.cors import CorsMiddleware
from api.web.load_shedding import InFlightLimiter, SheddingMiddleware
from api.web.middleware import CrashMiddleware, RequestMiddleware

log = structlog.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """The API for these settings; it opens no socket before its lifespan starts."""
    app = FastAPI(
        lifespan=_lifespan,
        # FastAPI asks three providers with every request whether anybody wants its own.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
        openapi_url=None,
        # Flat, not include_router: an included router is matched twice per request.
        routes=[
            *tasks.router.routes,
            *health.router.routes,
            *exposition.router.routes,
            *docs.routes(settings.environment),
        ],
    )
    app.state.settings = settings
    app.state.policy = Policy.from_settings(settings)
    app.state.load = InFlightLimiter(settings.max_in_flight)
    metrics.initialise(
        settings.revision,
        operations=tasks.OPERATIONS,
        statements=STATEMENTS,
        label_values={
            metrics.PROBLEMS: Problem.codes,
            metrics.AUTH_FAILURES: AuthFailure,
            metrics.RECONNECTS: StaleReason,
            metrics.UNAVAILABLE: CAUSES,
        },
    )
    _surround(app, settings)
    return app


def _surround(app: FastAPI, settings: Settings) -> None:
    """Exceptions become answers; then what is around every request, from inside out."""
    app.add_exception_handler(Problem, exception_handlers.problem)
    app.add_exception_handler(RequestValidationError, exception_handlers.invalid)
    app.add_exception_handler(HTTPException, exception_handlers.http)
    app.add_middleware(CrashMiddleware)
    app.add_middleware(SheddingMiddleware, load=app.state.load)
    if settings.cors_origins:
        app.add_middleware(CorsMiddleware, settings.cors_origins)
    app.add_middleware(RequestMiddleware)


def from_environment() -> FastAPI:
    """The API as gunicorn starts it."""
    settings = load()
    logs.configure(settings.log_level)
    return create_app(settings)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start without the database: the first request connects, and wakes a sleeping one."""
    settings, policy = app.state.settings, app.state.policy
    database = Database(settings)
    gauges = {
        metrics.IN_FLIGHT: lambda: app.state.load.in_flight,
        metrics.POOL_USED: database.in_use,
        metrics.FAILURES: lambda: database.failures,
    }
    async with open_jwks(settings) as keys, runtime_metrics.reported(settings, gauges):
        app.state.verifier = Verifier(policy, settings.better_auth_secret, keys)
        app.state.database = database
        settle_garbage_collector()
        log.info("started", algorithms=sorted(policy.algorithms))
        yield
        await database.close()
        del app.state.database


def settle_garbage_collector() -> None:
    """Keep what start-up made out of every later collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
