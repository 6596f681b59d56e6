"""Attempts to reach another user's tasks, grouped by the required outcome."""

import time
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import jwt

from tests.support.http.client import token
from tests.support.http.server import SECRET


def _altered(subject: str) -> str:
    """Another token's signature under this subject's claims."""
    claims, signed = token(subject), token("another user")
    return ".".join([*claims.split(".")[:2], signed.split(".")[2]])


def _of_an_email_link(subject: str) -> str:
    """What Better Auth signs for a verification link, with the same secret: no ``sub``."""
    now = int(time.time())
    claims = {"email": f"{subject}@example.com", "iat": now, "exp": now + 600}
    return jwt.encode(claims, SECRET, "HS256")


def _of_a_session_cookie(subject: str) -> str:
    now = int(time.time())
    header = {"typ": "better-auth.session-cache+jwt"}
    claims = {"sub": subject, "iat": now, "exp": now + 600}
    return jwt.encode(claims, SECRET, "HS256", header)


# Tokens that name a user and must be refused.
FORGED: dict[str, Callable[[str], str]] = {
    "another secret": lambda subject: token(subject, secret="another secret, also long enough"),
    "no signature": lambda subject: ".".join([*token(subject).split(".")[:2], ""]),
    "algorithm none": lambda subject: token(subject, algorithm="none", secret=""),
    "another HMAC": lambda subject: token(subject, algorithm="HS512", secret=SECRET * 2),
    "altered claims": _altered,
    "expired": lambda subject: token(subject, exp=int(time.time()) - 3600),
    "not yet valid": lambda subject: token(subject, nbf=int(time.time()) + 3600),
    "subject in a list": lambda subject: token([subject]),
    "an e-mail link's": _of_an_email_link,
    "a session cookie's": _of_a_session_cookie,
    "a session cookie's audience": lambda s: token(s, aud="better-auth:session-cache"),
}

# User ids that a normalizing comparison would take for the victim's.
NAMESAKES: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "space before": " {}".format,
    "space after": "{} ".format,
    "no-break space": "{}\u00a0".format,
    "decomposed": lambda victim: unicodedata.normalize("NFD", victim),
    "full width": lambda victim: victim.replace("e", "\uff45", 1),
    "encoded": quote,
    "matrix parameter": "{};".format,
    "slash": "{}/".format,
    "dots": "../{}".format,
    "wildcard": lambda victim: f"{victim[:-1]}%",
    "prefix": lambda victim: victim[:-1],
    "list": "{0},{0}".format,
}

# Path segments that differ from the attacker's id after any decoding by a proxy: 403.
OTHER_SEGMENTS: dict[str, Callable[[str, str], str]] = {
    "plain": lambda victim, _: victim,
    "encoded twice": lambda victim, _: quote(victim),
    "every byte encoded": lambda victim, _: "".join(
        f"%{byte:02x}" for byte in unquote_to_bytes(victim)
    ),
    "slash encoded twice": lambda victim, own: f"{own}%252f..%252f{victim}",
    "matrix parameter": lambda victim, own: f"{own};{victim}",
    "both": lambda victim, own: f"{own},{victim}",
    "line break": lambda victim, own: f"{own}%0a{victim}",
    "NUL": lambda victim, own: f"{own}%00{victim}",
    "dots": lambda *_: "..",
    "encoded dots": lambda *_: "%2e%2e",
    "broken UTF-8": lambda _, own: f"{own}%ff",
    "backslash": lambda victim, own: f"{own}%5c..%5c{victim}",
    "placeholder": lambda *_: "{user_id}",
    "star": lambda *_: "*",
}

# Segments that change the number of path segments, so that no route matches: 404.
NO_SEGMENTS: dict[str, Callable[[str, str], str]] = {
    "double slash": lambda victim, _: f"/{victim}",
    "encoded slash before": lambda victim, _: f"%2f{victim}",
    "encoded slash after": lambda victim, _: f"{victim}%2f",
    "dot": lambda victim, _: f"./{victim}",
    "dots": lambda victim, own: f"{own}/../{victim}",
    "encoded dots": lambda victim, own: f"{own}/%2e%2e/{victim}",
    "encoded slashes": lambda victim, own: f"{own}%2f..%2f{victim}",
    "through the collection": lambda victim, own: f"{own}/tasks/..%2f..%2f{victim}",
}

# Headers that some servers use for the user, the path or the method: no effect.
HEADERS: dict[str, Callable[[str], str]] = {
    "X-User-Id": str,
    "X-User": str,
    "X-Forwarded-User": str,
    "X-Remote-User": str,
    "X-Auth-Request-User": str,
    "X-Original-URL": "/api/{}/tasks".format,
    "X-Rewrite-URL": "/api/{}/tasks".format,
    "X-Forwarded-Prefix": "/api/{}".format,
    "Cookie": "user_id={0}; better-auth.session_token={0}".format,
    "X-HTTP-Method-Override": lambda _: "DELETE",
    "X-Method-Override": lambda _: "DELETE",
}

# Queries that name another user or method: 422, since no parameter is ignored.
QUERIES: dict[str, Callable[[str], str]] = {
    "user_id": "?user_id={}".format,
    "owner": "?owner={}".format,
    "sub": "?sub={}".format,
    "method": lambda _: "?_method=DELETE",
    "token": lambda victim: f"?access_token={token(victim)}",
}


# Invalid bodies, which must not be read before the user in the path is checked.
BAD_BODIES: dict[str, dict[str, Any]] = {
    "wrong type": {"json": {"title": 5}},
    "not JSON": {"content": b"{"},
    "form": {"content": b"title=taken", "headers": {"Content-Type": "text/plain"}},
}
