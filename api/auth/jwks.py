"""JWK Sets (RFC 7517): fetched or parsed into public keys, each bound to its algorithms."""

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
MAX_JWKS_BYTES = 256 * 1024
MIN_RSA_BITS = 2048
# RFC 9864 renames EdDSA over this curve; PyJWT and older issuers use the old name.
ALIASES = {"Ed25519": "EdDSA"}
# By key type and curve (``kty`` and ``crv``): the algorithms of a key that declares no ``alg``.
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
    """The JWK Set could not be fetched, or the answer is not a JWK Set."""


@dataclass(frozen=True, slots=True, eq=False)
class PublicKey:
    """A public key and the algorithms that it may verify.

    Equal only to itself: what this object verified is forgotten with the key set that holds it.
    """

    key: Any
    algorithms: tuple[str, ...]


async def fetch(client: httpx.AsyncClient, url: str) -> KeySet:
    """The keys at ``url``, by ``kid``.

    Raises:
        JwksUnavailable: no JWK Set of at most 256 KiB came with status 200 within 3 seconds.
    """
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
                if len(body) > MAX_JWKS_BYTES:
                    raise JwksUnavailable("too large")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise JwksUnavailable(type(error).__name__) from None
    return parse(bytes(body))


def parse(document: bytes) -> KeySet:
    """The usable keys of a JWK Set, by ``kid``; unusable entries are skipped.

    An empty result is an answer: the issuer withdraws all of its keys.

    Raises:
        JwksUnavailable: the document is not a JWK Set.
    """
    try:
        entries = strict_json.parse(document)["keys"]
    except (ValueError, TypeError, KeyError):
        entries = None
    if not isinstance(entries, list):
        raise JwksUnavailable("not a key set")
    usable = [(entry, key) for entry in entries if (key := _public_key(entry))]
    keys = {entry["kid"]: key for entry, key in usable if isinstance(entry.get("kid"), str)}
    if not keys and not all(isinstance(entry, dict) and "kty" in entry for entry in entries):
        raise JwksUnavailable("no key")
    return keys


def algorithm_name(value: Any) -> str | None:
    """The name of an algorithm as PyJWT spells it, or None where ``value`` is not a string."""
    return ALIASES.get(value, value) if isinstance(value, str) else None


def _public_key(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    members = {name: entry[name] for name in PUBLIC_MEMBERS if name in entry}
    try:
        algorithms = ALGORITHMS[members.get("kty"), members.get("crv")]
        if (declared := entry.get("alg")) is not None:
            algorithms = tuple(name for name in algorithms if name == algorithm_name(declared))
        key = get_default_algorithms()[algorithms[0]].from_jwk(members)
    except (PyJWTError, ValueError, TypeError, LookupError):
        return None
    weak = isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS
    return None if weak else PublicKey(key, algorithms)
