"""Which tokens are accepted, from the settings; contradictory settings end the start."""

from collections.abc import Collection
from dataclasses import dataclass

from jwt import InvalidKeyError
from jwt.algorithms import HMACAlgorithm
from pydantic import SecretStr

from api.auth.jwks import ALIASES, ASYMMETRIC, JwksUnavailable, parse
from api.config import strict_json
from api.config.settings import Settings

SYMMETRIC = "HS256"
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}
DEFAULT_ALGORITHMS = ("EdDSA", "ES256", "ES512", "RS256", "PS256", SYMMETRIC)


@dataclass(frozen=True, slots=True)
class Policy:
    """Accepted algorithms, issuers and audiences; empty lists accept any value.

    ``required`` names the claims that an HS256 token must have too; ``leeway`` is in seconds.
    """

    algorithms: frozenset[str]
    issuers: Collection[str]
    audiences: Collection[str]
    required: frozenset[str]
    leeway: int
    user_id_claim: str

    @classmethod
    def from_settings(cls, settings: Settings) -> "Policy":
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
        """Whether a token signed with this algorithm must have ``iss`` or ``aud``."""
        return algorithm != SYMMETRIC or claim in self.required


def _algorithms(settings: Settings) -> frozenset[str]:
    available: set[str] = set()
    if settings.jwks_url or settings.better_auth_jwks:
        available |= ASYMMETRIC
    if settings.better_auth_secret:
        available.add(SYMMETRIC)
    if not available:
        raise SystemExit("Set BETTER_AUTH_SECRET or BETTER_AUTH_URL to verify tokens with.")
    _check_jwks(settings.better_auth_jwks)
    _check_secret(settings.better_auth_secret)
    chosen = {ALIASES.get(name, name) for name in settings.auth_algorithms}
    if unavailable := chosen - available:
        names = ", ".join(sorted(unavailable))
        raise SystemExit(f"AUTH_ALGORITHMS: there is no key for {names}.")
    return frozenset(chosen or available.intersection(DEFAULT_ALGORITHMS))


def _check_secret(secret: SecretStr | None) -> None:
    """Refuse a public key as the secret: anyone who has read it could sign tokens."""
    if secret is None:
        return
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret.get_secret_value())
    except InvalidKeyError:
        raise SystemExit("BETTER_AUTH_SECRET is a public key, not a secret.") from None


def _check_jwks(document: str | None) -> None:
    if document is None:
        return
    try:
        entries = list(strict_json.parse(document.encode())["keys"])
        private = any(PRIVATE_MEMBERS & set(entry) for entry in entries)
    except (ValueError, TypeError, KeyError):
        raise SystemExit("BETTER_AUTH_JWKS is not a JWK Set.") from None
    if private:
        raise SystemExit("BETTER_AUTH_JWKS holds a private key: give only the public members.")
    try:
        keys = parse(document.encode())
    except JwksUnavailable:
        raise SystemExit("BETTER_AUTH_JWKS is not a JWK Set.") from None
    if not keys:
        raise SystemExit("BETTER_AUTH_JWKS holds no usable key.")
