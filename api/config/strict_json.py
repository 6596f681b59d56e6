"""JSON from outside (RFC 8259), with the same limit of nesting on every Python."""

from itertools import accumulate
from typing import Any

import orjson

MAX_DEPTH = 32
STEPS = {**dict.fromkeys(b"[{", 1), **dict.fromkeys(b"]}", -1)}
OTHERS = bytes(set(range(256)) - STEPS.keys())


class TooDeep(ValueError):
    """More than ``MAX_DEPTH`` levels of arrays and objects."""


def parse(text: bytes) -> Any:
    """One JSON value; raises ``ValueError`` unless it is UTF-8 and of ``MAX_DEPTH`` levels at most.

    orjson refuses what Python's own parser lets through: NaN, lone surrogates, UTF-16, a byte
    order mark. Python's own parser also nests as deeply as the interpreter's recursion limit,
    which differs from version to version.
    """
    value = orjson.loads(text)  # noqa: TID251
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise TooDeep(f"more than {MAX_DEPTH} levels")
    return value


def _depth(text: bytes) -> int:
    """The most arrays and objects around a value of this valid JSON, brackets in strings apart."""
    unescaped = text.replace(rb"\\", b"").replace(rb"\"", b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    return max(accumulate(STEPS[bracket] for bracket in outside_strings.translate(None, OTHERS)))
