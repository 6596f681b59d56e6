"""Who is calling: the checks of a bearer token, in order, none falling back to another.

HS256 tokens are checked with the shared secret, all others with a public key of the issuer's; the
header's ``alg`` chooses, and a key never serves an algorithm of another kind. Better Auth signs
more than access tokens with the same keys (e-mail links, session cookies): requiring ``sub`` and
checking ``typ`` and ``aud`` keeps them out.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from jwt.algorithms import get_default_algorithms
from pydantic import SecretStr

from api.auth import claims
from api.auth.jwks import canonical
from api.auth.jwks_cache import JwksCache
from api.auth.policy import SYMMETRIC, Policy
from api.config import strict_json
from api.problems.auth_failure import AuthFailure
from api.problems.catalogue import InvalidRequest, TokenInvalid, TokenMissing

TOKEN_BYTES = 8192
TYPES = {None, "JWT", "jwt", "at+jwt"}
# Members of a header that change what the signature covers (RFC 7515 section 4.1.11, RFC 7797).
UNSUPPORTED_HEADERS = frozenset({"crit", "b64"})
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Of PyJWT the signatures alone: it examines a key with every token, takes "12", true and null for
# a time, and cannot say that an issuer is optional.
SIGNATURES = get_default_algorithms()


class Header(NamedTuple):
    """What the token says about its own signature."""

    algorithm: Any
    kid: object


class Verifier:
    """Knows the policy, the secret and the issuer's keys; either of the two may be missing."""

    def __init__(self, policy: Policy, secret: SecretStr | None, keys: JwksCache | None) -> None:
        self._policy = policy
        self._secret = secret.get_secret_value().encode() if secret else b""
        self._keys = keys

    async def subject(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The user id that the request's one bearer token proves.

        Raises ``TokenMissing``, ``TokenInvalid``, ``TokenExpired`` or ``KeysUnavailable``, and
        ``InvalidRequest`` for two ``Authorization`` headers.
        """
        token = bearer(headers)
        header = read_header(token.partition(".")[0])
        key = await self._key(header)
        found = _signed_claims(token, key, header.algorithm)
        return claims.user_id(found, header.algorithm, self._policy)

    async def _key(self, header: Header) -> Any:
        if header.algorithm not in self._policy.algorithms:
            raise TokenInvalid(reason=AuthFailure.ALGORITHM_NOT_ACCEPTED)
        if header.algorithm == SYMMETRIC:
            return self._secret
        if self._keys is None or not isinstance(header.kid, str):
            raise TokenInvalid(reason=AuthFailure.NO_KEY_ID)
        found = await self._keys.find(header.kid)
        if header.algorithm not in found.algorithms:
            raise TokenInvalid(reason=AuthFailure.ALGORITHM_OF_ANOTHER_KEY)
        return found.key


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The one token of the one ``Authorization`` header (RFC 6750 section 2.1)."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        raise InvalidRequest("Send one Authorization header.", reason="two_credentials")
    scheme, _, token = (values[0] if values else b"").strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise TokenMissing(reason=AuthFailure.MISSING)
    text = token.strip().decode("latin-1")
    if len(text) > TOKEN_BYTES or not COMPACT.fullmatch(text):
        raise TokenInvalid(reason=AuthFailure.MALFORMED)
    return text


@lru_cache(maxsize=1024)
def read_header(segment: str) -> Header:
    """The token's header, cached: an issuer writes the same one for every user."""
    try:
        header = strict_json.parse(_decoded(segment))
        if UNSUPPORTED_HEADERS.isdisjoint(header) and header.get("typ") in TYPES:
            return Header(canonical(header["alg"]), header.get("kid"))
    except (ValueError, AttributeError, KeyError, TypeError):
        pass
    raise TokenInvalid(reason=AuthFailure.MALFORMED)


def _signed_claims(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    signed, _, seal = token.rpartition(".")
    try:
        text, signature = _decoded(signed.partition(".")[2]), _decoded(seal)
        if not SIGNATURES[algorithm].verify(signed.encode(), key, signature):
            raise TokenInvalid(reason=AuthFailure.BAD_SIGNATURE)
        found = strict_json.parse(text)
    except ValueError:
        raise TokenInvalid(reason=AuthFailure.MALFORMED) from None
    if not isinstance(found, dict):
        raise TokenInvalid(reason=AuthFailure.MALFORMED)
    return found


def _decoded(segment: str) -> bytes:
    """The bytes of a part of a token; raises ValueError unless they are written in the one way."""
    found = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if urlsafe_b64encode(found).rstrip(b"=") != segment.encode():
        message = "spare bits"
        raise ValueError(message)
    return found
