"""Builds tokens of arbitrary parts, signed with the API's secret unless another is given."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from tests.api.bad_inputs import AUTHORIZED, DAY, ME, NOW
from tests.support.http.server import SECRET

HEADER = {"alg": "HS256", "typ": "JWT"}
TIME = {"iat": NOW, "exp": NOW + DAY}
CLAIMS = {"sub": ME, **TIME}
GOOD = AUTHORIZED.removeprefix("Authorization: Bearer ")
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")
BEYOND = 10**400  # larger than any float


def encode(part: object) -> str:
    """Base64url of one part of a token: bytes unchanged, anything else as JSON."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def sign(header: object, claims: object, secret: str = SECRET, digest: str = "sha256") -> str:
    """A token of this header and these claims, valid or not."""
    signed = f"{encode(header)}.{encode(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), getattr(hashlib, digest)).digest()
    return f"{signed}.{encode(signature)}"


def with_header(**members: Any) -> str:
    """A valid token, except for these members of its header."""
    return sign({**HEADER, **members}, CLAIMS)


def with_claims(**members: Any) -> str:
    """A valid token, except for these claims."""
    return sign(HEADER, {**CLAIMS, **members})


def without_claim(name: str) -> str:
    """A valid token, except that one claim is missing."""
    return sign(HEADER, {key: value for key, value in CLAIMS.items() if key != name})
