"""Problem documents: the shape of every error response (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from starlette.responses import Response

PROBLEM_JSON = "application/problem+json"
# RFC 9110 renamed these; Python 3.11 and 3.12 have the old phrases.
PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


class Problem(Exception):
    """An error with its response: ``detail`` is for people, ``code`` for programs.

    ``codes`` holds the codes of all subclasses. ``reason`` is for the log and the metrics only.
    """

    codes: ClassVar[set[str]] = {"internal"}
    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    detail: str = "Something went wrong on our side. The request id helps us to find it."
    headers: Mapping[str, str] = {}
    errors: Sequence[Mapping[str, Any]] = ()

    def __init_subclass__(cls) -> None:
        Problem.codes.add(cls.code)

    def __init__(self, detail: str | None = None, *, reason: str | None = None) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.reason = reason

    def body(self, request_id: str) -> bytes:
        """The problem document, as UTF-8 JSON."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": PHRASES.get(self.status) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = self.errors
        return orjson.dumps(document)

    def response(self, request_id: str) -> Response:
        """The response with the problem document."""
        return Response(self.body(request_id), self.status, self.headers, media_type=PROBLEM_JSON)
