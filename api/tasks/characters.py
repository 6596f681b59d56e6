"""Which characters text may hold, as functions and as the same rules in JSON Schema.

Text is stored and returned unchanged, so text that PostgreSQL cannot store (NUL) and control
characters are refused, and so is a title of which nothing would be visible.
"""

import re

from pydantic.config import JsonDict

# Parts of regular expressions that mean the same in Python and in JSON Schema (no \s, \w, \d).
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_CONTROLS_IN_TEXT = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_SPACES = r"\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Default_Ignorable_Code_Point of Unicode 17 and the blank Braille pattern. Python and ECMAScript
# have no common escape for characters beyond U+FFFF, so those stand in the pattern themselves.
_INVISIBLE = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_TEXT = re.compile(f"[{_CONTROLS_IN_TEXT}]")
_VISIBLE = re.compile(f"[^{_SPACES}{_INVISIBLE}]")

LINE_SCHEMA: JsonDict = {
    "minLength": 1,
    "pattern": f"^[^{_CONTROLS}]*[^{_CONTROLS}{_SPACES}{_INVISIBLE}][^{_CONTROLS}]*$",
}
TEXT_SCHEMA: JsonDict = {"pattern": f"^[^{_CONTROLS_IN_TEXT}]*$"}


def check_line(text: str) -> str:
    """The text itself; raises ``ValueError`` for control characters or nothing visible."""
    if _CONTROL.search(text):
        message = "Control characters are not allowed"
        raise ValueError(message)
    if not _VISIBLE.search(text):
        message = "At least one character must be visible"
        raise ValueError(message)
    return text


def check_text(text: str) -> str:
    """The text itself; raises ``ValueError`` for control characters that do not shape text."""
    if _CONTROL_IN_TEXT.search(text):
        message = "Control characters other than tab, newline and carriage return are not allowed"
        raise ValueError(message)
    return text
