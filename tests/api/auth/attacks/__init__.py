"""Forged tokens, by the reason that the log gives for each refusal."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from tests.support.auth.issuer import Issuer
from tests.support.auth.jws import Sign, compact, sign_with_key, sign_with_secret
from tests.support.http.server import SECRET

T = TypeVar("T")

SIGNING = ("EdDSA", "ES256", "ES512", "RS256", "PS256")
BY_SECRET = sign_with_secret(SECRET.encode())


class Stage(NamedTuple):
    """An issuer, the victim's user id, and the URL of a server that must never be contacted.

    ``kids`` maps each default algorithm to a key id of the issuer.
    """

    issuer: Issuer
    kids: Mapping[str, str]
    victim: str
    trap: str

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token of the victim; None removes a claim."""
        return self.issuer.claims(self.victim, **changes)

    def key(self, algorithm: str = "EdDSA") -> Any:
        """The issuer's private key for this algorithm."""
        return self.issuer.keys[self.kids[algorithm]][1]

    def head(self, algorithm: str = "EdDSA", **members: Any) -> dict[str, Any]:
        """A good header with further ``members``."""
        return {"alg": algorithm, "kid": self.kids[algorithm], **members}

    def signed(self, header: object, claims: object, algorithm: str = "EdDSA") -> str:
        """A token of these parts, signed by the issuer."""
        return compact(header, claims, sign_with_key(algorithm, self.key(algorithm)))

    def forged(self, header: object, sign: Sign) -> str:
        """The victim's claims, signed by another key."""
        return compact(header, self.claims(), sign)


Make = Callable[[Stage], str]


class Attack(NamedTuple):
    """``make`` writes the token; ``reason`` is the expected one."""

    make: Make
    reason: str
    code: str = "token_invalid"


def attacks(
    reason: str, made: Mapping[str, Make], code: str = "token_invalid"
) -> dict[str, Attack]:
    """Attacks that are refused for the same reason."""
    return {name: Attack(make, reason, code) for name, make in made.items()}


def each(cases: Mapping[str, T], make: Callable[[Stage, T], str]) -> dict[str, Make]:
    """One token for each of these cases."""

    def bound(case: T) -> Make:
        return lambda stage: make(stage, case)

    return {name: bound(case) for name, case in cases.items()}


def shown(kind: str, values: Iterable[T]) -> dict[str, T]:
    """Cases named by their ``repr``."""
    return {f"{kind}: {value!r}"[:60]: value for value in values}
