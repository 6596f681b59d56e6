"""A request body as one JSON value: its declared media type, its encoding, its syntax."""

import codecs
import json
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from starlette.datastructures import Headers

from api.config import strict_json
from api.problems.catalogue import Invalid, UnsupportedMedia

JSON = frozenset({"application/json"})
MERGE_PATCH = JSON | {"application/merge-patch+json"}

# To find quoted strings takes time in the square of the length.
MAX_MEDIA_TYPE_LENGTH = 255
MAX_MEMBERS = 32

_QUOTED_STRING = r'"(?:[^"\\]|\\.)*"'
_PARAMETER = re.compile(rf';\s*([^\s;="]*)\s*(?:=\s*({_QUOTED_STRING}|[^;"]*))?')
_UTF_8 = {"", "utf-8", "utf8"}
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def check_media_type(headers: Headers, accepted: AbstractSet[str]) -> None:
    """Raise ``UnsupportedMedia`` (415) unless the body is JSON in UTF-8 without a content coding.

    Parameters other than ``charset`` are ignored (RFC 8259 section 11).
    """
    media_type = ", ".join(headers.getlist("content-type")).lower()
    if len(media_type) > MAX_MEDIA_TYPE_LENGTH:
        raise UnsupportedMedia
    outside_strings = re.sub(_QUOTED_STRING, "", media_type)
    essence, _, parameters = outside_strings.partition(";")
    is_list = "," in parameters
    if essence.strip() not in accepted or is_list or not _is_uncoded(headers):
        raise UnsupportedMedia
    if not _UTF_8.issuperset(_charsets(media_type)):
        raise UnsupportedMedia("Send JSON in UTF-8: another charset is not supported.")


def parse_json(body: bytes) -> Any:
    """One JSON value (RFC 8259) in UTF-8; raises ``Invalid`` (422).

    Only Python's own parser shows repeated members.
    """
    try:
        strict_json.parse(body)
        return _UNIQUE_MEMBERS.decode(body.decode())
    except ValueError as error:
        raise _invalid("json_invalid", _explain(body, error)) from None


def _is_uncoded(headers: Headers) -> bool:
    return ", ".join(headers.getlist("content-encoding")).lower() in {"", "identity"}


def _charsets(media_type: str) -> Iterator[str]:
    for name, value in _PARAMETER.findall(media_type):
        if name == "charset":
            yield value.strip().strip('"')


def _explain(body: bytes, error: ValueError) -> str:
    if body.startswith(_MARKS):
        return "The body starts with a byte order mark: send UTF-8 without one."
    try:
        body.decode()
    except UnicodeDecodeError:
        return "The body is not UTF-8."
    if body.count(0) >= len(body) / 2:
        return "The body is UTF-16 or UTF-32: send UTF-8."
    if "surrogate" in str(error):
        return "A string has half of a surrogate pair."
    if isinstance(error, strict_json.TooDeep):
        return f"The JSON has {error}."
    return "This is not valid JSON."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:  # to name each one that is unknown would take long
        raise _invalid("too_many_members", f"An object has more than {MAX_MEMBERS} members.")
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _invalid("duplicate_member", "A member is repeated.")
    return members


def _invalid(code: str, message: str) -> Invalid:
    return Invalid([{"loc": ["body"], "code": code, "message": message}])


_UNIQUE_MEMBERS = json.JSONDecoder(object_pairs_hook=_unique)  # noqa: TID251 - depth is checked
