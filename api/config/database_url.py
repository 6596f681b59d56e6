"""``DATABASE_URL`` as a checked value: what libpq cannot use is refused with one sentence.

See https://neon.com/docs/connect/connect-from-any-app for Neon's; libpq's manual, chapter
"Connection Strings", for every parameter.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Self

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


class DatabaseUrl:
    """A PostgreSQL URL that libpq understands; ``str`` and ``repr`` hide all of it."""

    __slots__ = ("url",)

    def __init__(self, url: URL) -> None:
        self.url = url

    @classmethod
    def parse(cls, text: str) -> Self:
        """The value of ``text``; raises ``ValueError`` with a sentence that quotes no secret."""
        try:
            given = make_url(text)
            url = _with_host(given.set(drivername="postgresql"))
            parse_dsn(url.render_as_string(hide_password=False))
        except (ArgumentError, ValueError, psycopg2.Error) as error:
            # Other messages of libpq can quote a part of the password.
            unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
            message = (
                f"has a parameter that PostgreSQL does not know: {unknown[1]}" if unknown else ""
            )
            raise ValueError(message or EXPECTED) from None
        if given.drivername not in SCHEMES or _is_garbled(url):
            raise ValueError(EXPECTED)
        _check_parameters(url)
        return cls(url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseUrl) and self.url == other.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __repr__(self) -> str:
        return "DatabaseUrl(**********)"

    @property
    def is_pooled(self) -> bool:
        """Whether the host is Neon's pooler."""
        return _is_pooled(self.url)

    def direct(self) -> Self:
        """The same server without Neon's pooler in front of it."""
        first, dot, rest = (self.url.host or "").partition(".")
        return type(self)(self.url.set(host=first.removesuffix(POOLER) + dot + rest))

    def secured(self) -> Self:
        """The URL with ``sslmode=verify-full`` unless it names a local server or another mode.

        Neon's console writes ``require``, which encrypts without checking the certificate; for
        Neon's hosts it becomes ``verify-full``.
        """
        url = self.url
        if _is_local(url):
            return self
        mode = url.query.get("sslmode", "verify-full")
        if (url.host or "").endswith(NEON) and mode not in VERIFYING:
            mode = "verify-full"
        url = url.update_query_dict({"sslmode": mode})
        if mode in VERIFYING and "sslrootcert" not in url.query:
            url = url.update_query_dict({"sslrootcert": certifi.where()})
        # Neon's workaround for clients without SNI, which libpq has.
        if str(url.query.get("options", "")).startswith("endpoint="):
            url = url.difference_update_query(["options"])
        return type(self)(url)

    def reveal(self) -> str:
        """The URL as text, with the password."""
        address, mark, query = self.url.render_as_string(hide_password=False).partition("?")
        return address + mark + query.replace("+", "%20")  # libpq reads a plus sign as itself


def _with_host(url: URL) -> URL:
    """Move a host given as a parameter to its usual place, as libpq reads it."""
    host = url.query.get("host")
    if not isinstance(host, str) or not host or host.startswith("/") or "," in host:
        return url
    return url.set(host=host).difference_update_query(["host"])


def _is_garbled(url: URL) -> bool:
    """Whether the password holds an ``@`` or ``%`` that is not percent-encoded."""
    return "@" in (url.host or "") or "\ufffd" in f"{url.username}{url.password}"


def _check_parameters(url: URL) -> None:
    query = url.query
    if _is_pooled(url) and not str(query.get("options", "endpoint=")).startswith("endpoint="):
        raise ValueError("names Neon's pooler, which takes no options: remove `options`")
    if query.get("channel_binding") == "require" and query.get("sslmode") == "disable":
        raise ValueError("asks for channel_binding, which needs TLS, and for sslmode=disable")
    root = str(query.get("sslrootcert", certifi.where()))
    if root == "system" and not os.environ.keys() & {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
        raise ValueError("asks for sslrootcert=system: leave it out, or set SSL_CERT_FILE as well")
    if root != "system" and not Path(root).is_file():
        raise ValueError("names a file in sslrootcert that does not exist")


def _is_pooled(url: URL) -> bool:
    return (url.host or "").partition(".")[0].endswith(POOLER)


def _is_local(url: URL) -> bool:
    host = url.host or str(url.query.get("host", ""))
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
