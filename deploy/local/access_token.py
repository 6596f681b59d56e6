"""``make token SUB=alice``: an access token for development, refused in production."""

import argparse
import os
import secrets
import time
from pathlib import Path

import jwt

from api.config import settings
from api.config.settings import Settings

HOUR = 3600
OWNER_ONLY = 0o600


def local_secret(data_dir: Path) -> str:
    """The generated secret in ``data_dir``: created on first use, readable by its owner only."""
    path, draft = data_dir / "secret", data_dir / f"secret.{os.getpid()}"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists() or not path.read_text():
        draft.touch(OWNER_ONLY)
        draft.write_text(secrets.token_urlsafe(48))
        draft.rename(path)  # atomic
    return path.read_text().strip()


def mint(config: Settings, secret: str, subject: str, seconds: int = HOUR) -> str:
    """An HS256 token as a front end would sign it, with ``iss`` and ``aud`` when configured."""
    now = int(time.time())
    claims: dict[str, object] = {
        "sub": subject,
        "email": f"{subject}@example.com",
        "name": subject,
        "iat": now,
        "exp": now + seconds,
    }
    if config.issuers:
        claims["iss"] = config.issuers[0]
    if config.audiences:
        claims["aud"] = config.audiences[0]
    return jwt.encode(claims, secret, "HS256")


def main() -> None:
    """Print a token for each subject; ``SystemExit`` in production."""
    parser = argparse.ArgumentParser(description="Prints access tokens and nothing else.")
    parser.add_argument("--sub", required=True, nargs="+", help="the user id, or several")
    parser.add_argument("--minutes", type=int, default=60, help="how long it is valid")
    arguments = parser.parse_args()
    config = settings.load()
    if config.environment == "production":
        raise SystemExit("ENVIRONMENT is production: tokens come from Better Auth alone.")
    given = config.better_auth_secret
    secret = given.get_secret_value() if given else local_secret(config.data_dir)
    for subject in arguments.sub:
        print(mint(config, secret, subject, arguments.minutes * 60))


if __name__ == "__main__":
    main()
