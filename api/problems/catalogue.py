"""Every failure this API can answer, one class each; ``Problem`` itself is a defect of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.problems.problem import Problem

REALM = 'Bearer realm="tasks"'


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


class StorageFull(ReadOnly):
    """No room for what is new; waiting does not help, so no ``Retry-After``."""

    detail = "The database is full: tasks can be read, but not changed."
    headers: Mapping[str, str] = {}


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
    detail = "No answer came in time. A change may have been made: read before you try again."
