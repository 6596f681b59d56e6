"""base64url without padding, as tokens and cursors are written (RFC 4648 section 5, RFC 7515)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(data: bytes) -> str:
    """The text of these bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of a text; raises ``ValueError`` unless ``encode`` would have written it.

    Python's own decoder skips other characters, and what follows padding by its patch release.
    """
    decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(decoded) != text:
        raise ValueError("non-canonical base64url")
    return decoded
