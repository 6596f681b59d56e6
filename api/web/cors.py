"""Cross-origin requests: the origins, methods and headers that browsers may use."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from api.problems.catalogue import InvalidRequest
from api.web.problem_response import respond

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-ID",
    # Added to each request by tracing and HTTP client libraries; a refusal would stop the page.
    "baggage",
    "Cache-Control",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "X-Requested-With",
)
EXPOSED_HEADERS = (
    "Link",
    "Location",
    "ETag",
    "X-Request-ID",
    "WWW-Authenticate",
    "Retry-After",
    "Idempotency-Replayed",
)


class CorsMiddleware(CORSMiddleware):
    """Starlette's CORS middleware, with a problem document for a refused preflight."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=METHODS,
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """204 if the request is allowed, else 400."""
        response = super().preflight_response(request_headers)
        refused = response.status_code != 200  # noqa: PLR2004
        kept = {name: value for name, value in response.headers.items() if "content" not in name}
        if not refused:
            return Response(status_code=204, headers=kept)
        problem = respond(InvalidRequest("This origin, method or header is not allowed here."))
        problem.headers.update(kept)
        return problem
