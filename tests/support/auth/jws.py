"""Signed tokens of any parts (RFC 7515), also those that a library would refuse to write."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from jwt.algorithms import OKPAlgorithm, get_default_algorithms

Sign = Callable[[bytes], bytes]

# RFC 9864 names EdDSA over Ed25519 anew; the library does not know it yet.
ALGORITHMS: dict[str, Any] = {**get_default_algorithms(), "Ed25519": OKPAlgorithm()}


def encode(part: object) -> str:
    """One part of a token: bytes as they are, anything else as JSON."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def compact(header: object, claims: object, sign: Sign) -> str:
    """A token of these parts, whatever they are."""
    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{encode(sign(signed.encode()))}"


def sign_with_key(algorithm: str, key: Any) -> Sign:
    """Signs with a private key."""
    return lambda text: bytes(ALGORITHMS[algorithm].sign(text, key))


def sign_with_secret(secret: bytes, digest: str = "sha256") -> Sign:
    """Signs with a secret, or with what is none: any bytes will do."""
    return lambda text: hmac.new(secret, text, getattr(hashlib, digest)).digest()


def public_jwk(algorithm: str, key: Any) -> dict[str, Any]:
    """The public part of a private key, as its issuer publishes it."""
    public: dict[str, Any] = ALGORITHMS[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in public.items() if name != "key_ops"}
