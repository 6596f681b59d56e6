"""``make bench``: the product beside its peers, in one run; ``QUICK=1`` without ten million rows.

Writes ``results.json`` beside this file after each part, and prints the tables of its README.md.
"""

import json
import os
from functools import partial

from tests.bench import comparison, concurrency, report, scaling, wrk
from tests.bench.measure import Entry

PARTS = (comparison.measured, partial(scaling.measured, scaling.SIZES), concurrency.measured)
QUICK_PARTS = (
    partial(comparison.measured, seconds=2),
    partial(scaling.measured, scaling.SIZES[:-1]),
    concurrency.measured,
)


def main() -> None:
    """Measure everything, one part after the other."""
    wrk.require()
    entries: list[Entry] = []
    for part in QUICK_PARTS if os.environ.get("QUICK") else PARTS:
        entries += part()
        report.RESULTS.write_text(json.dumps(entries, indent=1) + "\n")
    print(report.tables(entries))


if __name__ == "__main__":
    main()
