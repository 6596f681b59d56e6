"""Every failure this API can answer, and the one shape it answers them in (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from starlette.responses import Response

from api import trace

PROBLEM_JSON = "application/problem+json"
# RFC 9110 renamed these two; Python 3.11 and 3.12 still say the old names.
PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
REALM = 'Bearer realm="tasks"'


class Problem(Exception):
    """A failure with its answer: ``detail`` is for people, ``code`` for programs."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    detail: str = "Something went wrong on our side. The request id helps us to find it."
    headers: Mapping[str, str] = {}
    errors: Sequence[Mapping[str, Any]] = ()

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

    def response(self) -> Response:
        """The answer, with this request's id; the log line learns its code and reason."""
        current = trace.current()
        current.code, current.reason = self.code, self.reason
        return Response(
            self.body(current.request_id), self.status, self.headers, media_type=PROBLEM_JSON
        )


class InvalidRequest(Problem):
    """Broken HTTP or header syntax, or two credentials (RFC 6750 section 3.1)."""

    status = 400
    code = "invalid_request"
    detail = "The request is not valid HTTP."


class TokenMissing(Problem):
    """No bearer token: the challenge carries no error attribute (RFC 6750 section 3)."""

    status = 401
    code = "token_missing"
    detail = "Send an access token: Authorization: Bearer <token>."
    headers: Mapping[str, str] = {"WWW-Authenticate": REALM}


class TokenInvalid(Problem):
    """A token this API does not accept; which check failed is for the log alone."""

    status = 401
    code = "token_invalid"
    detail = "The access token is invalid."
    headers: Mapping[str, str] = {
        "WWW-Authenticate": f'{REALM}, error="invalid_token", '
        'error_description="The access token is invalid"'
    }


class TokenExpired(Problem):
    """A good token, too late."""

    status = 401
    code = "token_expired"
    detail = "The access token expired."
    headers: Mapping[str, str] = {
        "WWW-Authenticate": f'{REALM}, error="invalid_token", '
        'error_description="The access token expired"'
    }


class UserMismatch(Problem):
    """The path names another user; whether that user exists is never looked up."""

    status = 403
    code = "user_mismatch"
    detail = "The user in the path is not the user of the access token."


class NotFound(Problem):
    """No such route."""

    status = 404
    code = "not_found"
    detail = "There is nothing at this path."


class TaskNotFound(Problem):
    """No such task, or somebody else's: the same answer."""

    status = 404
    code = "task_not_found"
    detail = "There is no such task."


class MethodNotAllowed(Problem):
    """The path exists; ``Allow`` lists every method it answers (RFC 9110 section 15.5.6)."""

    status = 405
    code = "method_not_allowed"
    detail = "This path does not answer that method; see the Allow header."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.headers = {"Allow": allow}


class RequestTimeout(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "invalid_request"
    detail = "The request did not arrive in time."
    headers: Mapping[str, str] = {"Connection": "close"}


class BodyTooLarge(Problem):
    """More body than ``MAX_BODY_BYTES``."""

    status = 413
    code = "body_too_large"
    detail = "The body is too large."
    headers: Mapping[str, str] = {"Connection": "close"}


class UnsupportedMedia(Problem):
    """A body that does not say it is plain JSON."""

    status = 415
    code = "media_type"
    detail = "Send JSON: Content-Type: application/json, without Content-Encoding."


class Invalid(Problem):
    """The request breaks the contract: ``errors`` says where, and never repeats the input."""

    status = 422
    code = "validation"

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        first = errors[0]
        super().__init__(f"{'.'.join(map(str, first['loc']))}: {first['message']}")
        self.errors = errors


class IdempotencyMismatch(Problem):
    """The key was used before, with another body."""

    status = 422
    code = "idempotency_mismatch"
    detail = "This Idempotency-Key was used with another body."


class Overloaded(Problem):
    """No connection became free in time; nothing was applied."""

    status = 503
    code = "overloaded"
    detail = "The service is busy. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "2"}


class DatabaseUnavailable(Problem):
    """The database did not take the work; nothing was applied."""

    status = 503
    code = "database_unavailable"
    detail = "The database is not available. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class ReadOnly(Problem):
    """The database takes no writes for the moment."""

    status = 503
    code = "read_only"
    detail = "Tasks can be read but not changed for the moment."
    headers: Mapping[str, str] = {"Retry-After": "5"}


class SchemaOutdated(Problem):
    """The database lacks a table, a column or a role that this release needs."""

    status = 503
    code = "schema_outdated"
    detail = "The database is being upgraded. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "5"}


class KeysUnavailable(Problem):
    """The issuer's keys cannot be had: whether the token is good cannot be told."""

    status = 503
    code = "keys_unavailable"
    detail = "The sign-in service does not answer. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "2"}


class OutcomeUnknown(Problem):
    """A write was sent and not answered: it may have been applied."""

    status = 504
    code = "outcome_unknown"
    detail = "The change may have been made. Read before you try again."
