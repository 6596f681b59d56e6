"""``make bench``: the product beside its peers; ``QUICK=1`` without ten million rows.

Writes ``results.json`` beside this file after each part, prints the tables, and updates them in
tests/bench/README.md and deploy/README.md. ``RESULTS=`` names another file and leaves the documents
as they are; ``ROUNDS=`` is the number of interleaved rounds.
"""

import json
import os
from functools import partial
from pathlib import Path

from tests.bench import comparison, concurrency, interpreter, published, report, scaling, wrk
from tests.bench.measure import Entry, say

ROUNDS = int(os.environ.get("ROUNDS", "5"))
QUICK = bool(os.environ.get("QUICK"))
SIZES = scaling.SIZES[:-1] if QUICK else scaling.SIZES
PARTS = (
    partial(comparison.measured, runs=ROUNDS, seconds=2 if QUICK else comparison.SECONDS),
    partial(scaling.measured, SIZES, runs=ROUNDS),
    concurrency.measured,
)


def main() -> None:
    """Measure everything, in the image of the API where a Docker engine is there."""
    results = Path(os.environ.get("RESULTS", report.RESULTS)).resolve()
    if interpreter.is_inside_image():
        _measure(results)
        return
    if interpreter.has_engine():
        interpreter.run_in_image(results)
    else:
        wrk.require()
        _measure(results)
    entries = json.loads(results.read_text())
    if results == report.RESULTS:
        published.write(entries)
    print(report.tables(entries))


def _measure(results: Path) -> None:
    where = {"python": interpreter.description(), "cores": os.cpu_count()}
    say(f"Measuring {where['python']}, {where['cores']} cores")
    entries: list[Entry] = []
    for part in PARTS:
        entries += [entry | where for entry in part()]
        results.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
