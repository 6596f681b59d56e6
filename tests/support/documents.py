"""The documents of this repository: their code blocks, tables, links and headings."""

import re
from dataclasses import dataclass
from functools import cache

from tests.support.command import ROOT

FOLDERS = (".github", "api", "deploy", "observability", "tests")
IGNORED = {"node_modules", ".venv", ".data"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced code block."""

    document: str
    language: str
    text: str


@cache
def documents() -> tuple[str, ...]:
    """The path of every Markdown file, relative to the root."""
    nested = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")]
    names = {path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *nested]}
    return tuple(sorted(f"{name}" for name in names if not IGNORED & {*name.parts}))


@cache
def text(document: str) -> str:
    """The whole document."""
    return (ROOT / document).read_text()


@cache
def prose(document: str) -> str:
    """The document without its fenced code blocks."""
    return FENCE.sub("", text(document))


@cache
def blocks(document: str) -> tuple[Block, ...]:
    """Its fenced code blocks."""
    return tuple(Block(document, *found) for found in FENCE.findall(text(document)))


def block(document: str, beginning: str) -> str:
    """The text of the only code block that begins so. A block that no test asks for fails
    ``tests/documents/test_blocks.py``.
    """
    found = [each.text for each in blocks(document) if each.text.startswith(beginning)]
    assert len(found) == 1, f"{document} has {len(found)} code blocks that begin with {beginning!r}"
    return found[0]


def section(document: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    assert heading in headings(document), f"{document} has no heading {heading!r}"
    start = re.compile(rf"^#+ {re.escape(heading)}\n", re.MULTILINE)
    return start.split(prose(document))[1].split("\n#")[0]


def table(document: str, heading: str, *columns: int) -> list[tuple[str, ...]]:
    """These columns of the first table below a heading, without back quotes."""
    lines = section(document, heading).partition("\n|")[2].partition("\n\n")[0].splitlines()
    rows = [line.strip("|").split("|") for line in lines[2:]]
    return [tuple(row[column].strip().replace("`", "") for column in columns) for row in rows]


@cache
def headings(document: str) -> tuple[str, ...]:
    """Its headings, in order."""
    return tuple(HEADING.findall(prose(document)))


def anchors(document: str) -> set[str]:
    """The fragments that the forge makes of the headings."""
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings(document)}


def links(document: str) -> list[str]:
    """The targets of its links."""
    return LINK.findall(prose(document))
