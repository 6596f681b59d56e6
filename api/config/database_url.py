"""Connection strings as consoles give them: what works is accepted, what cannot work is named.

See https://neon.com/docs/connect/connect-from-any-app for Neon's; libpq's manual, chapter
"Connection Strings", for every parameter.
"""

import ipaddress
import os
import re
from pathlib import Path

import certifi
import psycopg2
from psycopg2.extensions import parse_dsn
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SCHEMES = ("postgres", "postgresql", "postgresql+psycopg2")
NEON = ".neon.tech"
POOLER = "-pooler"
VERIFYING = ("verify-ca", "verify-full")
EXPECTED = (
    "must look like postgresql://user:password@host/database; "
    "in the password, write %XX for any of : / ? # [ ] @ %"
)


def parsed(text: str) -> URL:
    """The URL, with ``postgresql`` as its scheme; raises ValueError with a sentence."""
    try:
        given = make_url(text)
        url = _with_host(given.set(drivername="postgresql"))
        parse_dsn(url.render_as_string(hide_password=False))
    except (ArgumentError, ValueError, psycopg2.Error) as error:
        # Of libpq's sentences only this one, which cannot quote a part of the password.
        unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
        message = f"has a parameter that PostgreSQL does not know: {unknown[1]}" if unknown else ""
        raise ValueError(message or EXPECTED) from None
    if given.drivername not in SCHEMES or _is_garbled(url):
        raise ValueError(EXPECTED)
    _check_parameters(url)
    return url


def is_pooled(url: URL) -> bool:
    """Whether it names Neon's pooler."""
    return (url.host or "").partition(".")[0].endswith(POOLER)


def direct(url: URL) -> URL:
    """The same server without Neon's pooler before it."""
    first, dot, rest = (url.host or "").partition(".")
    return url.set(host=first.removesuffix(POOLER) + dot + rest)


def secured(url: URL) -> URL:
    """With the server's certificate verified, unless the URL of another host than Neon's says no.

    Neon's console says ``require``, which encrypts and asks nobody who is there.
    """
    if _is_local(url):
        return url
    mode = url.query.get("sslmode", "verify-full")
    if (url.host or "").endswith(NEON) and mode not in VERIFYING:
        mode = "verify-full"
    url = url.update_query_dict({"sslmode": mode})
    if mode in VERIFYING and "sslrootcert" not in url.query:
        url = url.update_query_dict({"sslrootcert": certifi.where()})
    # The way to an endpoint for clients without SNI, which libpq has.
    if str(url.query.get("options", "")).startswith("endpoint="):
        url = url.difference_update_query(["options"])
    return url


def _with_host(url: URL) -> URL:
    """The one host, where a parameter names it; what libpq does with it, and what we look at."""
    host = url.query.get("host")
    if not isinstance(host, str) or not host or host.startswith("/") or "," in host:
        return url
    return url.set(host=host).difference_update_query(["host"])


def _is_garbled(url: URL) -> bool:
    """Whether an unescaped ``@`` or ``%`` of the password was taken for something else."""
    return "@" in (url.host or "") or "\ufffd" in f"{url.username}{url.password}"


def _check_parameters(url: URL) -> None:
    query = url.query
    if is_pooled(url) and not str(query.get("options", "endpoint=")).startswith("endpoint="):
        raise ValueError("names Neon's pooler, which takes no options: remove `options`")
    if query.get("channel_binding") == "require" and query.get("sslmode") == "disable":
        raise ValueError("asks for channel_binding, which needs TLS, and for sslmode=disable")
    root = str(query.get("sslrootcert", certifi.where()))
    if root == "system" and not os.environ.keys() & {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
        raise ValueError("asks for sslrootcert=system: leave it out, or set SSL_CERT_FILE as well")
    if root != "system" and not Path(root).is_file():
        raise ValueError("names a file in sslrootcert that does not exist")


def _is_local(url: URL) -> bool:
    host = url.host or str(url.query.get("host", ""))
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
