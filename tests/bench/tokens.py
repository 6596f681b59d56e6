"""Access tokens with the claims that Better Auth signs by default."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.auth.issuer import Issuer, serving
from tests.support.auth.jws import compact, sign_with_secret
from tests.support.http.server import SECRET

DAY = 24 * 3600
CREATED = "2026-01-02T03:04:05.678Z"

Sign = Callable[[str], str]


@dataclass(frozen=True)
class Tokens:
    """Signs tokens of a user id with either algorithm; each token differs from all others."""

    issuer: Issuer

    def hs256(self, user_id: str, secret: str = SECRET) -> str:
        """A token signed with the shared secret."""
        header = {"alg": "HS256", "typ": "JWT"}
        return compact(header, self._claims(user_id), sign_with_secret(secret.encode()))

    def eddsa(self, user_id: str) -> str:
        """A token signed with the issuer's Ed25519 key."""
        return self.issuer.token(user_id, **_profile(user_id))

    @property
    def public_key(self) -> str:
        """The issuer's public key in PEM."""
        _, key = self.issuer.keys[self.issuer.kid]
        public: bytes = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return public.decode()

    def _claims(self, user_id: str) -> dict[str, Any]:
        return self.issuer.claims(user_id, **_profile(user_id))


def _profile(user_id: str) -> dict[str, Any]:
    """The claims beside issuer, audience, subject and time of issue."""
    return {
        "exp": int(time.time()) + DAY,
        "jti": uuid4().hex,
        "id": user_id,
        "name": user_id,
        "email": f"{user_id}@example.com",
        "emailVerified": True,
        "createdAt": CREATED,
        "updatedAt": CREATED,
    }


@contextmanager
def issuing() -> Iterator[Tokens]:
    """Tokens of an issuer that publishes its key while the block runs."""
    with serving(Issuer("EdDSA")) as issuer:
        yield Tokens(issuer)
