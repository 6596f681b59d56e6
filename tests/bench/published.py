"""The documents that show results: ``python -m tests.bench.published`` updates them."""

import json
from collections.abc import Callable, Sequence

from tests.bench import capacity, report
from tests.bench.measure import Entry
from tests.bench.servers import ROOT

# What stands in each document between the two comments.
PARTS: dict[str, Callable[[Sequence[Entry]], str]] = {
    "tests/bench/README.md": report.tables,
    "deploy/README.md": capacity.table,
}
BEGIN, END = "<!-- from results.json -->\n", "<!-- until here -->\n"


def write(entries: Sequence[Entry]) -> None:
    """Replace the generated part of each document."""
    for document, make in PARTS.items():
        path = ROOT / document
        before, _, after = _split(path.read_text())
        path.write_text(f"{before}\n{make(entries)}\n\n{after}")


def shown(document: str) -> str:
    """The generated part of a document, without the empty lines around it."""
    return _split((ROOT / document).read_text())[1].strip()


def _split(text: str) -> tuple[str, str, str]:
    """The document up to its generated part, that part, and the rest."""
    before, begin, rest = text.partition(BEGIN)
    part, end, after = rest.partition(END)
    return before + begin, part, end + after


if __name__ == "__main__":
    write(json.loads(report.RESULTS.read_text()))
