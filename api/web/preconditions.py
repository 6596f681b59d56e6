"""Conditional requests (RFC 9110 section 13): the entity tags of If-Match and If-None-Match."""

import re
from collections.abc import Set as AbstractSet
from typing import Annotated

from fastapi import Header
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from api.problems.catalogue import InvalidRequest

IF_MATCH, IF_NONE_MATCH = "If-Match", "If-None-Match"
ANY = "*"
_TAG = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')
_LISTED = r'(W/)?"[!#-~]*"'

IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=IF_MATCH,
        description="The `ETag` that the task must have: a tag, a list of tags, or `*`. Weak tags "
        "never match.",
        json_schema_extra={"pattern": rf"^(\*|{_LISTED}( *, *{_LISTED})*)$"},
    ),
]
IfNoneMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=IF_NONE_MATCH,
        description="The `ETag` of an earlier answer: 304 if nothing changed since.",
    ),
]


def check_preconditions(request: Request, supported: AbstractSet[str]) -> None:
    """Raise ``InvalidRequest`` (400) for a condition that would not be kept, or has no syntax."""
    for name in (IF_MATCH, IF_NONE_MATCH):
        if name in request.headers and name not in supported:
            raise InvalidRequest(f"This request does not support {name}: do not send it.")
    if IF_MATCH in request.headers and not _parse(", ".join(request.headers.getlist(IF_MATCH))):
        raise InvalidRequest(f"Send entity tags in {IF_MATCH}, each in double quotes, or *.")


def condition(if_match: str | None) -> dict[str, list[str]]:
    """The value of a statement's ``if_match``; none without the header.

    A weak tag is equal to no tag of ours, so comparison is strong. ``*`` stands for any tag.
    """
    return {} if if_match is None else {"if_match": _parse(if_match)}


def known_tags(if_none_match: str | None) -> list[str]:
    """The tags for weak comparison; ``*`` stands for any. Without valid tags, none."""
    return [tag.removeprefix("W/") for tag in _parse(if_none_match or "")]


def _parse(tags: str) -> list[str]:
    """The entity tags of a list, or ``*``; none if the syntax is wrong."""
    if tags.strip(" \t") == ANY:
        return [ANY]
    # NUL cannot occur in a header. Empty elements are ignored (section 5.6.1.2).
    elements = {element.strip(" \t") for element in _TAG.sub("\0", tags).split(",")}
    return _TAG.findall(tags) if elements <= {"", "\0"} else []
