"""Who is calling: the checks of a bearer token, in order, none falling back to another.

``sub`` alone is the user id. Better Auth signs more than access tokens with the same secret
(e-mail links, session cookies); requiring ``sub`` and checking ``typ`` and ``aud`` keeps them out.
"""

import binascii
import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import jwt
from jwt.types import Options

from api.errors import InvalidRequest, TokenExpired, TokenInvalid, TokenMissing
from api.settings import Settings

# PyJWT takes "12", true and null for a time, and cannot express when an issuer is optional.
SIGNATURE_ONLY: Options = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_aud": False,
}
LATEST = 2**53
TOKEN_BYTES = 8192
SUBJECT_CHARACTERS = 255
TYPES = {None, "JWT", "jwt", "at+jwt"}
SESSION_CACHE = "better-auth:session-cache"
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Text that no path can name unchanged: controls, lone surrogates, what stands for broken UTF-8.
UNNAMEABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")


class Verifier:
    """Checks HS256 tokens with ``BETTER_AUTH_SECRET``; other kinds of key are chosen by ``alg``."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.better_auth_secret
        self._secret = secret.get_secret_value().encode() if secret else None
        self._issuers, self._audiences = settings.issuers, settings.audiences
        self._required = {
            "iss": bool(settings.auth_issuer),
            "aud": bool(settings.auth_audience),
        }
        self._leeway = settings.auth_leeway_seconds

    async def subject(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The user id that the request's one bearer token proves.

        Raises ``TokenMissing``, ``TokenInvalid`` or ``TokenExpired``, and ``InvalidRequest``
        for two ``Authorization`` headers.
        """
        token = bearer(headers)
        header = _header(token.partition(".")[0])
        claims = self._decode(token, self._key(header["alg"]), header["alg"])
        self._check_issuer(claims)
        self._check_audience(claims)
        return _subject(claims)

    def _key(self, algorithm: str) -> bytes:
        if algorithm == "HS256" and self._secret:
            return self._secret
        raise TokenInvalid(reason="algorithm_not_accepted")

    def _decode(self, token: str, key: bytes, algorithm: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                options=SIGNATURE_ONLY,
            )
        except jwt.InvalidSignatureError:
            raise TokenInvalid(reason="bad_signature") from None
        except Exception as error:
            # PyJWT lets TypeError and RecursionError of hostile claims through.
            raise TokenInvalid(reason="malformed") from error
        self._check_times(claims)
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = time.time()
        expires, *begins = (claims.get(name, now) for name in ("exp", "nbf", "iat"))
        if not all(map(_is_numeric_date, (expires, *begins))):
            raise TokenInvalid(reason="malformed")
        if expires <= now - self._leeway:
            raise TokenExpired(reason="expired")
        if max(begins) > now + self._leeway:
            raise TokenInvalid(reason="not_yet_valid")

    def _check_issuer(self, claims: Mapping[str, Any]) -> None:
        issuer = claims.get("iss")
        if issuer is None and not self._required["iss"]:
            return
        if not isinstance(issuer, str) or (self._issuers and issuer not in self._issuers):
            raise TokenInvalid(reason="wrong_issuer")

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud")
        if audience is None and not self._required["aud"]:
            return
        accepted = audience if isinstance(audience, list) else [audience]
        known = [name for name in accepted if not self._audiences or name in self._audiences]
        if not known or SESSION_CACHE in accepted or not all(isinstance(n, str) for n in accepted):
            raise TokenInvalid(reason="wrong_audience")


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The one token of the one ``Authorization`` header (RFC 6750 section 2.1)."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        raise InvalidRequest("Send one Authorization header.", reason="two_credentials")
    scheme, _, token = (values[0] if values else b"").strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise TokenMissing(reason="missing")
    text = token.strip().decode("latin-1")
    if len(text) > TOKEN_BYTES or not COMPACT.fullmatch(text):
        raise TokenInvalid(reason="malformed")
    return text


@lru_cache(maxsize=1024)
def _header(segment: str) -> Mapping[str, Any]:
    """The token's header, cached: an issuer writes the same one for every user."""
    try:
        header = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
        if header.get("crit") is None and header.get("typ") in TYPES and str(header["alg"]):
            return {"alg": str(header["alg"]), "kid": header.get("kid")}
    except (binascii.Error, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        pass
    raise TokenInvalid(reason="malformed")


def _is_numeric_date(value: object) -> bool:
    """Whether this is a NumericDate (RFC 7519 section 2) that can be compared."""
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < LATEST


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims["sub"]
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= SUBJECT_CHARACTERS
        or UNNAMEABLE.search(subject)
    ):
        raise TokenInvalid(reason="bad_subject")
    return subject
