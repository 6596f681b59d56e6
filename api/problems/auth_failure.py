"""The reasons for which a caller is refused with 401 or 403."""

from enum import StrEnum


class AuthFailure(StrEnum):
    """Written to the log line and counted by ``tasks_api_auth_failures_total``; never answered."""

    ALGORITHM_NOT_ACCEPTED = "algorithm_not_accepted"
    ALGORITHM_OF_ANOTHER_KEY = "algorithm_of_another_key"
    BAD_SIGNATURE = "bad_signature"
    BAD_SUBJECT = "bad_subject"
    EXPIRED = "expired"
    EXPIRES_TOO_LATE = "expires_too_late"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    MISSING = "missing"
    NO_KEY_ID = "no_key_id"
    NOT_YET_VALID = "not_yet_valid"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_USER = "unknown_user"
    USER_REQUIRED = "user_required"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ISSUER = "wrong_issuer"
