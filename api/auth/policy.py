"""Which tokens are accepted, as the settings say; a setting that cannot work ends the start."""

from collections.abc import Collection
from dataclasses import dataclass

from jwt import InvalidKeyError
from jwt.algorithms import HMACAlgorithm
from pydantic import SecretStr

from api.auth.jwks import ASYMMETRIC, JwksUnavailable, canonical, parse
from api.config import strict_json
from api.config.settings import Settings

SYMMETRIC = "HS256"
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}
USUAL = ("EdDSA", "ES256", "ES512", "RS256", "PS256")


@dataclass(frozen=True, slots=True)
class Policy:
    """Empty ``issuers`` or ``audiences`` mean that nothing says which; see ``required``."""

    algorithms: frozenset[str]
    issuers: Collection[str]
    audiences: Collection[str]
    required: frozenset[str]
    leeway: int
    user_id_claim: str

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The policy of these settings; raises ``SystemExit`` with one sentence."""
        algorithms = _algorithms(settings)
        if algorithms & ASYMMETRIC and not (settings.issuers and settings.audiences):
            raise SystemExit("Set BETTER_AUTH_URL, or AUTH_ISSUER and AUTH_AUDIENCE, beside JWKS.")
        required = {"iss": settings.auth_issuer, "aud": settings.auth_audience}
        return cls(
            algorithms,
            settings.issuers,
            settings.audiences,
            frozenset(claim for claim, explicit in required.items() if explicit),
            settings.auth_leeway_seconds,
            settings.auth_user_id_claim,
        )

    def requires(self, claim: str, algorithm: str) -> bool:
        """Whether a token signed like this must have ``iss`` or ``aud``."""
        return algorithm != SYMMETRIC or claim in self.required


def _algorithms(settings: Settings) -> frozenset[str]:
    available: set[str] = set()
    if settings.jwks_url or settings.better_auth_jwks:
        available |= ASYMMETRIC
    if settings.better_auth_secret:
        available.add(SYMMETRIC)
    if not available:
        raise SystemExit("Set BETTER_AUTH_SECRET or BETTER_AUTH_URL: without, nobody can sign in.")
    _check_public(settings.better_auth_jwks)
    _check_secret(settings.better_auth_secret)
    chosen = frozenset(map(canonical, settings.auth_algorithms))
    if impossible := chosen - available:
        names = ", ".join(sorted(impossible))
        raise SystemExit(f"AUTH_ALGORITHMS: there is no key for {names}.")
    return chosen or frozenset({*USUAL, SYMMETRIC}) & available


def _check_secret(secret: SecretStr | None) -> None:
    """Refuse what everybody may know: whoever has it could sign with it."""
    if secret is None:
        return
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret.get_secret_value())
    except InvalidKeyError:
        raise SystemExit("BETTER_AUTH_SECRET is a public key, not a secret.") from None


def _check_public(document: str | None) -> None:
    if document is None:
        return
    try:
        entries = list(strict_json.parse(document.encode())["keys"])
        private = any(PRIVATE_MEMBERS & set(entry) for entry in entries)
    except (ValueError, TypeError, KeyError):
        raise SystemExit("BETTER_AUTH_JWKS is not a JWK Set.") from None
    if private:
        raise SystemExit("BETTER_AUTH_JWKS holds a private key: give the public part alone.")
    try:
        parse(document.encode())
    except JwksUnavailable:
        raise SystemExit("BETTER_AUTH_JWKS holds no key that can be used.") from None
