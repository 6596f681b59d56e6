"""Strict reading of a request: bounded size and time, JSON, no repeated or unknown names."""

import asyncio
import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from api.config import strict_json
from api.problems.catalogue import (
    BodyTooLarge,
    Invalid,
    InvalidRequest,
    NotFound,
    RequestTimeout,
    UnsupportedMedia,
)
from api.web.state import web_state

JSON = frozenset({"application/json"})
VISIBLE = re.compile(r"[!-~]{1,255}")
ABSENT: Any = object()
MERGE_PATCH = JSON | {"application/merge-patch+json"}


class StrictRequest(Request):
    """A request whose body is limited in size and time, without repeated or unknown names.

    ``query`` holds the parameters by name, ``value`` the parsed body or ``ABSENT``.
    """

    query: Mapping[str, Any] = {}
    value: Any = ABSENT
    _content = b""

    async def read(self) -> None:
        """Read the body; raises ``BodyTooLarge`` (413) or ``RequestTimeout`` (408)."""
        if "content-length" not in self.headers and "transfer-encoding" not in self.headers:
            return
        settings = web_state(self).settings
        try:
            async with asyncio.timeout(settings.request_deadline_seconds):
                self._content = await self._read(settings.max_body_bytes)
        except TimeoutError:
            raise RequestTimeout from None

    def parse(self) -> None:
        """Parse the body, if there is one; raises ``Invalid`` (422)."""
        if self._content:
            self.value = parse_json(self._content)

    def read_query(self, names: AbstractSet[str], repeatable: AbstractSet[str]) -> None:
        """Parse the query; raises ``Invalid`` (422)."""
        if query := self.scope["query_string"]:
            self.query = parse_query(query, names, repeatable)

    def check_media(self) -> None:
        """Raise ``UnsupportedMedia`` (415) unless the body is JSON without a content coding."""
        essence, _, parameters = self._header("content-type").partition(";")
        accepted = MERGE_PATCH if self.method == "PATCH" else JSON
        if self._content and (
            essence.strip() not in accepted
            or parameters.strip().replace('"', "") not in {"", "charset=utf-8"}
            or self._header("content-encoding") not in {"", "identity"}
        ):
            raise UnsupportedMedia

    def _header(self, name: str) -> str:
        """The header in lower case; repeated fields are joined (RFC 9110 section 5.3)."""
        return ", ".join(self.headers.getlist(name)).lower()

    async def _read(self, limit: int) -> bytes:
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge
        return bytes(body)


def parse_json(body: bytes) -> Any:
    """One JSON value (RFC 8259) in UTF-8, or ``Invalid``.

    Python's own parser alone can tell of a member that stands there twice.
    """
    try:
        strict_json.parse(body)
        return UNIQUE.decode(body.decode())
    except ValueError:
        raise _invalid("body", "json_invalid", "This is not valid JSON.") from None


def check_path(request: Request) -> None:
    """Raise ``NotFound`` for an encoded slash, which would split a path segment once decoded."""
    if b"%2f" in request.scope["raw_path"].lower():
        raise NotFound


def check_size(request: Request) -> None:
    """Raise ``BodyTooLarge`` (413) if ``Content-Length`` exceeds ``MAX_BODY_BYTES``."""
    length = request.headers.get("content-length", "0")
    if int(length) > web_state(request).settings.max_body_bytes:
        raise BodyTooLarge


def parse_query(
    query: bytes, names: AbstractSet[str], repeatable: AbstractSet[str]
) -> dict[str, Any]:
    """The parameters by name; raises ``Invalid`` if one is unknown, repeated or not UTF-8."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise _invalid("query", "encoding", "The query is not percent-encoded UTF-8.") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    if not names >= found.keys():
        known = ", ".join(sorted(names)) or "none"
        raise _invalid("query", "extra_forbidden", f"Unknown parameter; known are: {known}.")
    for name in sorted(found.keys() - repeatable):
        if len(found[name]) > 1:
            raise _invalid(f"query.{name}", "repeated", "This parameter may stand only once.")
    return {name: given if name in repeatable else given[0] for name, given in found.items()}


def check_idempotency_key(request: Request) -> None:
    """Raise ``InvalidRequest`` (400) unless the key is given once, in 1 to 255 visible ASCII."""
    keys = request.headers.getlist("idempotency-key")
    if len(keys) > 1 or not all(VISIBLE.fullmatch(key) for key in keys):
        raise InvalidRequest("Send one Idempotency-Key of 1 to 255 visible ASCII characters.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _invalid("body", "duplicate_member", "A member stands there twice.")
    return members


UNIQUE = json.JSONDecoder(object_pairs_hook=_unique)  # noqa: TID251 - its depth is checked before


def _invalid(where: str, code: str, message: str) -> Invalid:
    return Invalid([{"loc": where.split("."), "code": code, "message": message}])
