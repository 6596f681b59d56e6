"""Verification of bearer tokens: a fixed order of checks, none falling back to another.

HS256 tokens are verified with the shared secret, all others with a public key of the issuer; the
header's ``alg`` chooses, and a key never verifies an algorithm of another kind. Better Auth signs
e-mail links and session cookies with the same keys: requiring ``sub`` and checking ``typ`` and
``aud`` refuses those.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import SecretStr

from api.auth import claims
from api.auth.jwks import PublicKey, algorithm_name
from api.auth.jwks_cache import JwksCache
from api.auth.policy import SYMMETRIC, Policy
from api.auth.signature import verify_signature
from api.config import base64url, strict_json
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import InvalidRequest, TokenInvalid, TokenMissing

MAX_TOKEN_BYTES = 8192
ACCESS_TOKEN_TYPES = {None, "JWT", "jwt", "at+jwt"}
# Header members that change what the signature covers (RFC 7515 section 4.1.11, RFC 7797).
UNSUPPORTED_HEADERS = frozenset({"crit", "b64"})
COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Header(NamedTuple):
    """The members of a JOSE header that choose the key (RFC 7515 section 4.1)."""

    algorithm: str | None
    kid: object


class Verifier:
    """Verifies tokens by policy, secret and issuer's keys; one of the latter two may be missing."""

    def __init__(self, policy: Policy, secret: SecretStr | None, keys: JwksCache | None) -> None:
        self._policy = policy
        self._secret = secret.get_secret_value().encode() if secret else b""
        self._keys = keys

    async def user_id(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The user id in the request's bearer token, once the token is verified.

        Raises:
            TokenMissing: there is no bearer token.
            TokenInvalid: a check failed; its reason says which.
            TokenExpired: the token is good but expired.
            KeysUnavailable: the issuer's key set cannot be fetched.
            InvalidRequest: there are two ``Authorization`` headers.
        """
        token = bearer_token(headers)
        header, payload, _ = token.split(".")
        algorithm, key = await self._key(parse_header(header))
        verify_signature(token, algorithm, key)
        return claims.user_id(_payload(payload), algorithm, self._policy)

    async def _key(self, header: Header) -> tuple[str, PublicKey | bytes]:
        algorithm, kid = header
        if algorithm is None or algorithm not in self._policy.algorithms:
            raise TokenInvalid(reason=AuthFailure.ALGORITHM_NOT_ACCEPTED)
        if algorithm == SYMMETRIC:
            return algorithm, self._secret
        if self._keys is None or not isinstance(kid, str):
            raise TokenInvalid(reason=AuthFailure.NO_KEY_ID)
        found = await self._keys.find(kid)
        if algorithm not in found.algorithms:
            raise TokenInvalid(reason=AuthFailure.ALGORITHM_OF_ANOTHER_KEY)
        return algorithm, found


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The token of the request's ``Authorization`` header (RFC 6750 section 2.1)."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        raise InvalidRequest("Send one Authorization header.", reason="two_credentials")
    scheme, _, token = (values[0] if values else b"").strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise TokenMissing(reason=AuthFailure.MISSING)
    text = token.strip().decode("latin-1")
    if len(text) > MAX_TOKEN_BYTES or not COMPACT_JWS.fullmatch(text):
        raise TokenInvalid(reason=AuthFailure.MALFORMED)
    return text


@lru_cache(maxsize=1024)
def parse_header(segment: str) -> Header:
    """The token's header; cached, because an issuer writes the same header for every user."""
    try:
        header = strict_json.parse(base64url.decode(segment))
        if UNSUPPORTED_HEADERS.isdisjoint(header) and header.get("typ") in ACCESS_TOKEN_TYPES:
            return Header(algorithm_name(header["alg"]), header.get("kid"))
    except (ValueError, AttributeError, KeyError, TypeError):
        pass
    raise TokenInvalid(reason=AuthFailure.MALFORMED)


def _payload(segment: str) -> dict[str, Any]:
    try:
        payload = strict_json.parse(base64url.decode(segment))
    except ValueError:
        raise TokenInvalid(reason=AuthFailure.MALFORMED) from None
    if not isinstance(payload, dict):
        raise TokenInvalid(reason=AuthFailure.MALFORMED)
    return payload
