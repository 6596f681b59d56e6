"""Strict reading of a request: bounded size and time, JSON, no repeated or unknown names."""

import asyncio
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Header
from starlette.requests import Request

from api.problems.catalogue import (
    BodyTooLarge,
    Invalid,
    InvalidRequest,
    NotFound,
    RequestTimeout,
)
from api.web.json_body import JSON, MERGE_PATCH, check_media_type, parse_json
from api.web.state import web_state

IDEMPOTENCY_KEY = "Idempotency-Key"
VISIBLE = re.compile(r"[!-~]{1,255}")
ABSENT: Any = object()


def key_header(description: str) -> Any:
    """The parameter ``Idempotency-Key`` of an endpoint."""
    pattern = {"pattern": f"^{VISIBLE.pattern}$"}
    return Header(alias=IDEMPOTENCY_KEY, description=description, json_schema_extra=pattern)


class StrictRequest(Request):
    """A request whose body is limited in size and time, without repeated or unknown names.

    ``query`` holds the parameters by name, ``value`` the parsed body or ``ABSENT``.
    """

    query: Mapping[str, Any] = {}
    value: Any = ABSENT
    _content = b""

    async def read(self, max_bytes: int) -> None:
        """Read the body; raises ``BodyTooLarge`` (413) or ``RequestTimeout`` (408)."""
        if "content-length" not in self.headers and "transfer-encoding" not in self.headers:
            return
        settings = web_state(self).settings
        try:
            async with asyncio.timeout(settings.request_deadline_seconds):
                self._content = await self._read(max_bytes)
        except TimeoutError:
            raise RequestTimeout from None

    def parse(self) -> None:
        """Parse the body, if there is one; raises ``Invalid`` (422)."""
        if self._content:
            self.value = parse_json(self._content)

    def check_no_members(self) -> None:
        """Raise ``Invalid`` (422) unless the body, if any, is an empty object or null."""
        if self.value not in (ABSENT, {}, None):
            raise _invalid("body", "extra_forbidden", "This request takes no body.")

    def read_query(self, names: AbstractSet[str], repeatable: AbstractSet[str]) -> None:
        """Parse the query; raises ``Invalid`` (422)."""
        if query := self.scope["query_string"]:
            self.query = parse_query(query, names, repeatable)

    def check_media_type(self) -> None:
        """Raise ``UnsupportedMedia`` (415) unless the body, if any, is declared as plain JSON."""
        if self._content:
            check_media_type(self.headers, MERGE_PATCH if self.method == "PATCH" else JSON)

    async def _read(self, limit: int) -> bytes:
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge
        return bytes(body)


def check_path(request: Request) -> None:
    """Raise ``NotFound`` for an encoded slash, which would split a path segment once decoded."""
    if b"%2f" in request.scope["raw_path"].lower():
        raise NotFound


def check_size(request: Request, max_bytes: int) -> None:
    """Raise ``BodyTooLarge`` (413) if ``Content-Length`` exceeds ``max_bytes``."""
    if int(request.headers.get("content-length", "0")) > max_bytes:
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


def check_idempotency_key(request: Request, *, is_supported: bool) -> None:
    """Raise ``InvalidRequest`` (400) unless the key is given once, in 1 to 255 visible ASCII.

    A request that a key does not make safe to repeat must not have one.
    """
    keys = request.headers.getlist(IDEMPOTENCY_KEY)
    if keys and not is_supported:
        raise InvalidRequest("This request does not support an Idempotency-Key: do not send one.")
    if len(keys) > 1 or not all(VISIBLE.fullmatch(key) for key in keys):
        raise InvalidRequest("Send one Idempotency-Key of 1 to 255 visible ASCII characters.")


def _invalid(where: str, code: str, message: str) -> Invalid:
    return Invalid([{"loc": where.split("."), "code": code, "message": message}])
