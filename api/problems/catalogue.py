"""One class per error of this API; ``Problem`` itself is the 500 for a defect."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.problems.problem import Problem

REALM = 'Bearer realm="tasks"'


class InvalidRequest(Problem):
    """Invalid HTTP, invalid header syntax, or two credentials (RFC 6750 section 3.1)."""

    status = 400
    code = "invalid_request"
    detail = "The request is not valid HTTP."


class TokenMissing(Problem):
    """No bearer token; the challenge has no error attribute (RFC 6750 section 3)."""

    status = 401
    code = "token_missing"
    detail = "Send an access token: Authorization: Bearer <token>."
    headers: Mapping[str, str] = {"WWW-Authenticate": REALM}


class TokenInvalid(Problem):
    """A token failed a check; only the log says which."""

    status = 401
    code = "token_invalid"
    detail = "The access token is invalid."
    headers: Mapping[str, str] = {
        "WWW-Authenticate": f'{REALM}, error="invalid_token", '
        'error_description="The access token is invalid"'
    }


class TokenExpired(Problem):
    """A valid token after its ``exp``."""

    status = 401
    code = "token_expired"
    detail = "The access token expired."
    headers: Mapping[str, str] = {
        "WWW-Authenticate": f'{REALM}, error="invalid_token", '
        'error_description="The access token expired"'
    }


class UserMismatch(Problem):
    """The path has another user's id; whether that user exists is not looked up."""

    status = 403
    code = "user_mismatch"
    detail = "The user in the path is not the user of the access token."


class UserRequired(Problem):
    """The token is good, but its user has no row in the user table, and none could be made."""

    status = 403
    code = "user_required"
    detail = "This user is not known here yet: sign in once first."


class NotFound(Problem):
    """No route has this path."""

    status = 404
    code = "not_found"
    detail = "There is nothing at this path."


class TaskNotFound(Problem):
    """No task has this id, or it belongs to another user: the same response."""

    status = 404
    code = "task_not_found"
    detail = "There is no such task."


class TrashedTaskNotFound(TaskNotFound):
    """The trash has no task with this id, or it belongs to another user."""

    detail = "There is no such task in the trash."


class MethodNotAllowed(Problem):
    """The path exists; ``Allow`` lists its methods (RFC 9110 section 15.5.6)."""

    status = 405
    code = "method_not_allowed"
    detail = "This path does not answer that method; see the Allow header."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.headers = {"Allow": allow}


class RequestTimeout(Problem):
    """The body did not arrive within the request's deadline."""

    status = 408
    code = "invalid_request"
    detail = "The request did not arrive in time."
    headers: Mapping[str, str] = {"Connection": "close"}


class ResyncRequired(Problem):
    """What the client knows is older than the user's erased tasks, or newer than the database."""

    status = 410
    code = "resync_required"
    detail = "These changes are no longer known: start again without since."


class VersionMismatch(Problem):
    """No tag of ``If-Match`` is the task's current one, which ``ETag`` has (RFC 9110 15.5.13)."""

    status = 412
    code = "version_mismatch"
    detail = "The task was changed since you read it. Nothing was changed: read it again."
    headers: Mapping[str, str] = {"ETag": ""}

    def __init__(self, etag: str = "") -> None:
        super().__init__()
        self.headers = {"ETag": etag}


class BatchVersionMismatch(VersionMismatch):
    """An ``if_match`` of a batch is not its task's version; ``errors`` names the operations."""

    detail = "The task was changed since you read it. Nothing of the batch was applied."
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        super().__init__()
        self.headers = {}


class BodyTooLarge(Problem):
    """The body exceeds ``MAX_BODY_BYTES``, or the limit of a batch."""

    status = 413
    code = "body_too_large"
    detail = "The body is too large."
    headers: Mapping[str, str] = {"Connection": "close"}


class UnsupportedMedia(Problem):
    """A body that is not declared as JSON, or has a content coding."""

    status = 415
    code = "media_type"
    detail = "Send JSON: Content-Type: application/json, without Content-Encoding."


class Invalid(Problem):
    """A validation failed; ``errors`` locates each mistake and never repeats the input."""

    status = 422
    code = "validation"

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        first = errors[0]
        super().__init__(f"{'.'.join(map(str, first['loc']))}: {first['message']}")
        self.errors = errors


class IdempotencyMismatch(Problem):
    """The ``Idempotency-Key`` was used before with another body."""

    status = 422
    code = "idempotency_mismatch"
    detail = "This Idempotency-Key was used with another body."
    errors: Sequence[Mapping[str, Any]] = (
        {"loc": ["header", "Idempotency-Key"], "code": code, "message": detail},
    )


class TooManyTasks(Problem):
    """The user would have more live tasks than ``MAX_TASKS_PER_USER``."""

    status = 422
    code = "too_many_tasks"
    detail = "You have as many tasks as are allowed. Nothing was changed: delete some first."
    errors: Sequence[Mapping[str, Any]] = ({"loc": ["body"], "code": code, "message": detail},)


class Overloaded(Problem):
    """No connection became free in time; nothing was applied."""

    status = 503
    code = "overloaded"
    detail = "The service is busy. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "2"}


class DatabaseUnavailable(Problem):
    """The database did not run the statement; nothing was applied."""

    status = 503
    code = "database_unavailable"
    detail = "The database is not available. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class ReadOnly(Problem):
    """The database is read-only at present."""

    status = 503
    code = "read_only"
    detail = "Tasks can be read but not changed for the moment."
    headers: Mapping[str, str] = {"Retry-After": "5"}


class StorageFull(ReadOnly):
    """The database's storage is full; waiting does not help, so there is no ``Retry-After``."""

    detail = "The database is full: tasks can be read, but not changed."
    headers: Mapping[str, str] = {}


class SchemaOutdated(Problem):
    """The database lacks a table, a column, a role or a grant of this release."""

    status = 503
    code = "schema_outdated"
    detail = "The database is being upgraded. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "5"}


class KeysUnavailable(Problem):
    """The issuer's key set is not available, so the token cannot be verified."""

    status = 503
    code = "keys_unavailable"
    detail = "The sign-in service does not answer. Nothing was changed: try again."
    headers: Mapping[str, str] = {"Retry-After": "2"}


class OutcomeUnknown(Problem):
    """A write was sent and no answer came: it may have been applied."""

    status = 504
    code = "outcome_unknown"
    detail = "No answer came in time. A change may have been made: read before you try again."
