"""The ``errors`` of a 422, made of what pydantic found.

Entries repeat neither values nor names that come from the client, and name nothing of Python's.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Found = Mapping[str, Any]
# By pydantic's type of error: the code and the message; the context of the error fills the gaps.
ENTRIES = {
    "missing": ("missing", "This is required"),
    "model_type": ("object_type", "Send a JSON object"),
    "model_attributes_type": ("object_type", "Send a JSON object"),
    "list_type": ("array_type", "Send an array"),
    "string_type": ("string_type", "Send a string"),
    "bool_type": ("boolean_type", "Send true or false"),
    "int_type": ("integer_type", "Send a whole number"),
    "literal_error": ("enum", "Send {expected}"),
    "string_too_long": ("string_too_long", "Send at most {max_length} characters"),
    "too_long": ("too_long", "Send at most {max_length} items"),
    "too_short": ("too_short", "Send at least {min_length}"),
    "less_than_equal": ("less_than_equal", "Send at most {le}"),
    "greater_than_equal": ("greater_than_equal", "Send at least {ge}"),
    "union_tag_not_found": ("missing", "This is required"),
    "union_tag_invalid": ("enum", "Send one of {expected_tags}"),
}
OTHER = ("invalid", "This is not a valid value")


def entries(errors: Sequence[Found], body: Any) -> list[dict[str, Any]]:
    """One entry per mistake; ``body`` is the model of the request body, or None."""
    unknown = defaultdict[tuple[Any, ...], list[str]](list)
    for found in errors:
        if found["type"] == "extra_forbidden":
            unknown[found["loc"][:-1]].append(found["loc"][-1])
    nested = body.nested if body else {}
    others = [_entry(found, nested) for found in errors if found["type"] != "extra_forbidden"]
    for parent, names in unknown.items():
        others += _unknown(_location(parent, nested), names, nested.get(parent[-1], body))
    return others


def _location(loc: Sequence[Any], nested: Mapping[str, Any]) -> list[Any]:
    """The place in the request; pydantic adds the tag of a union's member after an index."""
    return [
        loc[0],
        *(at for before, at in pairwise(loc) if not (isinstance(before, int) and at in nested)),
    ]


def _entry(found: Found, nested: Mapping[str, Any]) -> dict[str, Any]:
    context = found.get("ctx", {})
    if "error" in context:  # raised by a validator of ours
        code, message = found["type"], str(context["error"])
    else:
        code, message = ENTRIES.get(found["type"], OTHER)
        message = message.format(**context)
    loc = _location(found["loc"], nested)
    if found["type"].startswith("union_tag"):
        loc.append(context["discriminator"].strip("'"))
    return {"loc": loc, "code": code, "message": message}


def _unknown(loc: list[Any], names: list[str], body: Any) -> Iterator[dict[str, Any]]:
    """One entry for the resource's own members, by name, and one for all other names."""
    settable = body.model_fields.keys()
    own = body.resource.model_fields.keys() - settable
    known = f"settable are: {', '.join(settable)}"
    if read_only := [
        name for name in body.resource.model_fields if name in own.intersection(names)
    ]:
        message = f"These members cannot be set here: {', '.join(read_only)}; {known}"
        yield {"loc": loc, "code": "extra_forbidden", "message": message}
    if not own.issuperset(names):
        yield {"loc": loc, "code": "extra_forbidden", "message": f"Unknown member; {known}"}
