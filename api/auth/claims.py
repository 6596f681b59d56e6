"""Checks of the claims of a token whose signature is good (RFC 7519 section 4.1)."""

import re
import time
from collections.abc import Mapping
from typing import Any

from api.auth.policy import Policy
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import TokenExpired, TokenInvalid

MAX_NUMERIC_DATE = 2**53
# Refuses milliseconds in place of seconds.
MAX_LIFETIME_SECONDS = 3660 * 86_400
NUMBERS = (int, float)
USER_ID_CHARACTERS = 255
SESSION_CACHE_AUDIENCE = "better-auth:session-cache"
# Control characters, lone surrogates and U+FFFD do not survive a URL path unchanged.
UNSAFE_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")


def user_id(claims: Mapping[str, Any], algorithm: str, policy: Policy) -> str:
    """The user id in the claims.

    Raises:
        TokenInvalid: a claim is missing, malformed or not accepted by the policy.
        TokenExpired: ``exp`` is in the past, beyond the leeway.
    """
    _check_times(claims, policy.leeway)
    _check_issuer(claims.get("iss"), algorithm, policy)
    _check_audience(claims.get("aud"), algorithm, policy)
    _check_user_id(claims.get("sub"))
    return _check_user_id(claims.get(policy.user_id_claim))


def _check_times(claims: Mapping[str, Any], leeway: int) -> None:
    now = time.time()
    times: list[Any] = [claims.get("exp"), claims.get("nbf", now), claims.get("iat", now)]
    if not all(map(_is_numeric_date, times)):
        raise TokenInvalid(reason=AuthFailure.MALFORMED)
    expires, *begins = times
    if expires <= now - leeway:
        raise TokenExpired(reason=AuthFailure.EXPIRED)
    if expires > now + MAX_LIFETIME_SECONDS:
        raise TokenInvalid(reason=AuthFailure.EXPIRES_TOO_LATE)
    if max(begins) > now + leeway:
        raise TokenInvalid(reason=AuthFailure.NOT_YET_VALID)


def _is_numeric_date(value: object) -> bool:
    """Whether this is a NumericDate (RFC 7519 section 2) that a float compares exactly."""
    return (
        isinstance(value, NUMBERS) and not isinstance(value, bool) and abs(value) < MAX_NUMERIC_DATE
    )


def _check_issuer(issuer: object, algorithm: str, policy: Policy) -> None:
    if issuer is None and not policy.requires("iss", algorithm):
        return
    if not isinstance(issuer, str) or (policy.issuers and issuer not in policy.issuers):
        raise TokenInvalid(reason=AuthFailure.WRONG_ISSUER)


def _check_audience(audience: object, algorithm: str, policy: Policy) -> None:
    if audience is None and not policy.requires("aud", algorithm):
        return
    names = audience if isinstance(audience, list) else [audience]
    if not names or not all(isinstance(name, str) for name in names):
        raise TokenInvalid(reason=AuthFailure.WRONG_AUDIENCE)
    if SESSION_CACHE_AUDIENCE in names:
        raise TokenInvalid(reason=AuthFailure.WRONG_AUDIENCE)
    if policy.audiences and not set(names) & set(policy.audiences):
        raise TokenInvalid(reason=AuthFailure.WRONG_AUDIENCE)


def _check_user_id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= USER_ID_CHARACTERS:
        raise TokenInvalid(reason=AuthFailure.BAD_SUBJECT)
    if UNSAFE_CHARACTERS.search(value):
        raise TokenInvalid(reason=AuthFailure.BAD_SUBJECT)
    return value
