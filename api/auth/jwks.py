"""A JWK Set (RFC 7517): from its address or a setting to keys that each verify few algorithms."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import get_default_algorithms

from api.config import strict_json

FETCH_SECONDS = 3
FETCH_BYTES = 256 * 1024
RSA_BITS = 2048
# RFC 9864 gives EdDSA with this curve a name of its own; newer issuers write it.
SYNONYMS = {"Ed25519": "EdDSA"}
# What a key of this type and curve can verify, where it does not say so itself.
ALGORITHMS: Mapping[tuple[Any, Any], tuple[str, ...]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
}
ASYMMETRIC = frozenset(name for names in ALGORITHMS.values() for name in names)
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")

KeySet = Mapping[str, "PublicKey"]


class JwksUnavailable(Exception):
    """What should be a key set holds no key that we can use, or did not come."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, and the names of the algorithms that it may verify."""

    key: Any
    algorithms: tuple[str, ...]


async def fetch(client: httpx.AsyncClient, url: str) -> KeySet:
    """The keys at ``url`` by ``kid``; raises ``JwksUnavailable`` unless the answer is a key set."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    body = bytearray()
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            client.stream("GET", url, headers=headers, follow_redirects=False) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise JwksUnavailable(f"status {response.status_code}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > FETCH_BYTES:
                    raise JwksUnavailable("too large")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise JwksUnavailable(type(error).__name__) from None
    return parse(bytes(body))


def parse(document: bytes) -> KeySet:
    """The usable keys of a key set, by ``kid``; others are skipped, never the whole set."""
    try:
        entries = list(strict_json.parse(document)["keys"])
    except (ValueError, TypeError, KeyError):
        raise JwksUnavailable("not a key set") from None
    usable = [(entry, key) for entry in entries if (key := _usable(entry))]
    keys = {entry["kid"]: key for entry, key in usable if isinstance(entry.get("kid"), str)}
    if not keys:
        raise JwksUnavailable("no usable key")
    return keys


def canonical(algorithm: Any) -> Any:
    """The name under which an algorithm is known here."""
    return SYNONYMS.get(algorithm, algorithm) if isinstance(algorithm, str) else None


def _usable(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    members = {name: entry[name] for name in PUBLIC_MEMBERS if name in entry}
    try:
        algorithms = ALGORITHMS[members.get("kty"), members.get("crv")]
        if (declared := entry.get("alg")) is not None:
            algorithms = tuple(name for name in algorithms if name == canonical(declared))
        key = get_default_algorithms()[algorithms[0]].from_jwk(members)
    except (PyJWTError, ValueError, TypeError, LookupError):
        return None
    weak = isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS
    return None if weak else PublicKey(key, algorithms)
