"""What the claims of a well-signed token must say (RFC 7519 section 4.1)."""

import re
import time
from collections.abc import Mapping
from typing import Any

from api.auth.policy import Policy
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import TokenExpired, TokenInvalid

LATEST = 2**53
NUMBERS = (int, float)
SUBJECT_CHARACTERS = 255
SESSION_CACHE = "better-auth:session-cache"
# Text that no path can name unchanged: controls, lone surrogates, what stands for broken UTF-8.
UNNAMEABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")


def user_id(claims: Mapping[str, Any], algorithm: str, policy: Policy) -> str:
    """The user whom the claims name; raises ``TokenInvalid`` or ``TokenExpired``."""
    _check_times(claims, policy.leeway)
    _check_issuer(claims.get("iss"), algorithm, policy)
    _check_audience(claims.get("aud"), algorithm, policy)
    _nameable(claims.get("sub"))
    return _nameable(claims.get(policy.user_id_claim))


def _check_times(claims: Mapping[str, Any], leeway: int) -> None:
    now = time.time()
    times: list[Any] = [claims.get("exp"), claims.get("nbf", now), claims.get("iat", now)]
    if not all(map(_is_numeric_date, times)):
        raise TokenInvalid(reason=AuthFailure.MALFORMED)
    expires, *begins = times
    if expires <= now - leeway:
        raise TokenExpired(reason=AuthFailure.EXPIRED)
    if max(begins) > now + leeway:
        raise TokenInvalid(reason=AuthFailure.NOT_YET_VALID)


def _is_numeric_date(value: object) -> bool:
    """Whether this is a NumericDate (RFC 7519 section 2) that can be compared."""
    return isinstance(value, NUMBERS) and not isinstance(value, bool) and abs(value) < LATEST


def _check_issuer(issuer: object, algorithm: str, policy: Policy) -> None:
    if issuer is None and not policy.requires("iss", algorithm):
        return
    if not isinstance(issuer, str) or (policy.issuers and issuer not in policy.issuers):
        raise TokenInvalid(reason=AuthFailure.WRONG_ISSUER)


def _check_audience(audience: object, algorithm: str, policy: Policy) -> None:
    if audience is None and not policy.requires("aud", algorithm):
        return
    named = audience if isinstance(audience, list) else [audience]
    if not named or not all(isinstance(name, str) for name in named) or SESSION_CACHE in named:
        raise TokenInvalid(reason=AuthFailure.WRONG_AUDIENCE)
    if policy.audiences and not set(named) & set(policy.audiences):
        raise TokenInvalid(reason=AuthFailure.WRONG_AUDIENCE)


def _nameable(user: object) -> str:
    if not isinstance(user, str) or not 0 < len(user) <= SUBJECT_CHARACTERS:
        raise TokenInvalid(reason=AuthFailure.BAD_SUBJECT)
    if UNNAMEABLE.search(user):
        raise TokenInvalid(reason=AuthFailure.BAD_SUBJECT)
    return user
