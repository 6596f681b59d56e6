"""The checks of a token without a server around them."""

from typing import Any

from api.auth.jwks_cache import JwksCache
from api.auth.policy import Policy
from api.auth.verify import Verifier
from tests.support.http.server import make_settings


def verifier(keys: JwksCache | None = None, **settings: Any) -> Verifier:
    """A verifier with these settings."""
    made = make_settings(**settings)
    return Verifier(Policy.from_settings(made), made.better_auth_secret, keys)
