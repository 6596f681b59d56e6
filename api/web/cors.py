"""Which pages of other origins may call this API, and what they may send and read."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from api.problems.catalogue import InvalidRequest
from api.web.problem_response import respond

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SENT = ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID", "traceparent")
EXPOSED = (
    "Link",
    "Location",
    "X-Request-ID",
    "WWW-Authenticate",
    "Retry-After",
    "Idempotency-Replayed",
)


class CorsMiddleware(CORSMiddleware):
    """Starlette's CORS; a refused preflight is a problem document like every other error."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=EXPOSED,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """204 where the browser may go on, else 400."""
        answer = super().preflight_response(request_headers)
        refused = answer.status_code != 200  # noqa: PLR2004
        kept = {name: value for name, value in answer.headers.items() if "content" not in name}
        if not refused:
            return Response(status_code=204, headers=kept)
        problem = respond(InvalidRequest("This origin, method or header is not allowed here."))
        problem.headers.update(kept)
        return problem
