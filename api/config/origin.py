"""Web origins (RFC 6454), as in ``Origin`` headers and in Better Auth's ``iss`` and ``aud``."""

import re
from urllib.parse import urlsplit

USUAL_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")


def origin_of(url: str) -> str:
    """The origin of an http(s) URL, without a default port; raises ``ValueError`` for others."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
    if scheme not in USUAL_PORTS or not HOST.fullmatch(host):
        message = "must look like https://app.example.com"
        raise ValueError(message)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port in {None, USUAL_PORTS[scheme]} else f":{port}")
