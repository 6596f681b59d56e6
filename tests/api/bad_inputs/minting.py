"""Makes tokens of any parts, signed with the right secret unless it is given another one."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from tests.api.bad_inputs import DAY, ME, NOW, SIGNED
from tests.support.http.server import SECRET

HEADER = {"alg": "HS256", "typ": "JWT"}
TIME = {"iat": NOW, "exp": NOW + DAY}
CLAIMS = {"sub": ME, **TIME}
GOOD = SIGNED.removeprefix("Authorization: Bearer ")
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")
BEYOND = 10**400  # no float is as large


def encode(part: object) -> str:
    """One part of a token: bytes as they are, anything else as JSON."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def sign(header: object, claims: object, secret: str = SECRET, digest: str = "sha256") -> str:
    """A token of these parts, whatever they are."""
    signed = f"{encode(header)}.{encode(claims)}"
    seal = hmac.new(secret.encode(), signed.encode(), getattr(hashlib, digest)).digest()
    return f"{signed}.{encode(seal)}"


def headed(**members: Any) -> str:
    """A token that is good but for these members of its header."""
    return sign({**HEADER, **members}, CLAIMS)


def claiming(**members: Any) -> str:
    """A token that is good but for these claims."""
    return sign(HEADER, {**CLAIMS, **members})


def without(name: str) -> str:
    """A token that lacks one claim."""
    return sign(HEADER, {key: value for key, value in CLAIMS.items() if key != name})
