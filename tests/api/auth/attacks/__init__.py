"""Tokens that must not be believed, by the reason that the log gives for each refusal."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from tests.support.auth.issuer import Issuer
from tests.support.auth.jws import Sign, compact, sign_with_key, sign_with_secret
from tests.support.http.server import SECRET

T = TypeVar("T")

SIGNING = ("EdDSA", "ES256", "ES512", "RS256", "PS256")
BY_SECRET = sign_with_secret(SECRET.encode())


class Stage(NamedTuple):
    """An API with a secret and an issuer, its victim, and an address that nobody may visit.

    ``kids`` has a key of the issuer for every usual algorithm.
    """

    issuer: Issuer
    kids: Mapping[str, str]
    victim: str
    trap: str

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token of the victim says; a change to None leaves a claim out."""
        return self.issuer.claims(self.victim, **changes)

    def key(self, algorithm: str = "EdDSA") -> Any:
        """The issuer's private key for this algorithm."""
        return self.issuer.keys[self.kids[algorithm]][1]

    def head(self, algorithm: str = "EdDSA", **members: Any) -> dict[str, Any]:
        """A good header, and ``members``."""
        return {"alg": algorithm, "kid": self.kids[algorithm], **members}

    def signed(self, header: object, claims: object, algorithm: str = "EdDSA") -> str:
        """A token of these parts under the issuer's own signature."""
        return compact(header, claims, sign_with_key(algorithm, self.key(algorithm)))

    def forged(self, header: object, seal: Sign) -> str:
        """The victim's claims under somebody else's signature."""
        return compact(header, self.claims(), seal)


Make = Callable[[Stage], str]


class Attack(NamedTuple):
    """``make`` writes the token; ``reason`` is what the log must say of it, or several words."""

    make: Make
    reason: str
    code: str = "token_invalid"


def attacks(
    reason: str, made: Mapping[str, Make], code: str = "token_invalid"
) -> dict[str, Attack]:
    """All of these, refused for the same reason."""
    return {name: Attack(make, reason, code) for name, make in made.items()}


def each(cases: Mapping[str, T], make: Callable[[Stage, T], str]) -> dict[str, Make]:
    """One token for each of these cases."""

    def bound(case: T) -> Make:
        return lambda stage: make(stage, case)

    return {name: bound(case) for name, case in cases.items()}


def shown(kind: str, values: Iterable[T]) -> dict[str, T]:
    """Cases that are named for what they are."""
    return {f"{kind}: {value!r}"[:60]: value for value in values}
