"""Origins, as browsers send them and as Better Auth writes them into ``iss`` and ``aud``."""

import re
from urllib.parse import urlsplit

USUAL_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")


def origin_of(url: str) -> str:
    """Scheme, host and any unusual port; raises ``ValueError`` where a URL has none of http's."""
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
