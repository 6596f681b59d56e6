"""From ``results.json`` to the tables of README.md beside it: ``python -m tests.bench.report``."""

import json
from collections.abc import Iterable, Sequence
from operator import ge, le
from pathlib import Path

from tests.bench.measure import Entry
from tests.bench.scaling import SIZES, target
from tests.bench.servers import NAMES, PRODUCT
from tests.bench.workload import BAD_TOKEN, CREATE, LIST, ONE, TOGGLE

RESULTS = Path(__file__).with_name("results.json")
REACHED = {"≥": ge, "≤": le}
THROUGHPUT = {LIST: 6.0, ONE: 5.0, CREATE: 7.0, TOGGLE: 7.0}
AGAINST_LITESTAR = {LIST: 1.0, ONE: 1.1}
AGAINST_THE_FLOOR = {LIST: 2.0, ONE: 2.0}
TAIL, GROWTH, REFUSAL, MEMORY = 3.0, 1.3, 0.55, 1.02

Row = list[str]


def tables(entries: Sequence[Entry]) -> str:
    """All three, in Markdown."""
    return "\n\n".join([targets(entries), figures(entries), growth_and_crowds(entries)])


def figures(entries: Sequence[Entry]) -> str:
    """What every target did with every operation."""
    rows = [
        [
            entry["operation"],
            NAMES[entry["target"]],
            *_measured(entry),
            str(entry["round_trips"]),
            f"{entry['spread']:.0%}",
        ]
        for entry in entries
        if entry["target"] in NAMES
    ]
    head = ["operation", "by", "requests/s", "p50 / p99 ms", "CPU µs", "round trips", "spread"]
    return _table(head, rows)


def growth_and_crowds(entries: Sequence[Entry]) -> str:
    """The product alone, over more rows and for more clients."""
    rows = [
        [
            entry["operation"],
            entry["target"],
            *_measured(entry),
            f"{entry['refused']:,} of {entry['answers']:,}" if "refused" in entry else "",
            f"{entry['wrong']:,}" if "wrong" in entry else "",
        ]
        for entry in entries
        if entry["target"] not in NAMES
    ]
    head = ["operation", "with", "requests/s", "p50 / p99 ms", "CPU µs", "503 or 429", "other"]
    return _table(head, rows)


def targets(entries: Sequence[Entry]) -> str:
    """The ratios of that run beside what we want them to be."""
    found = {(entry["target"], entry["operation"]): entry for entry in entries}
    operations = [entry["operation"] for entry in entries if entry["target"] == PRODUCT]
    rows = [
        _row(f"throughput against the plan: {name}", "≥", THROUGHPUT.get(name), of["product_rps"])
        for name in operations
        if (of := found["plan", name])
    ]
    for peer, limits in (("litestar", AGAINST_LITESTAR), ("floor", AGAINST_THE_FLOOR)):
        rows += [
            _row(f"CPU against {NAMES[peer]}: {name}", "≤", limits.get(name), of["product_cpu"])
            for name in operations
            if (of := found[peer, name])
        ]
    rows += [
        _row(f"p99 / p50: {name}", "≤", TAIL, found[PRODUCT, name]["tail"]) for name in operations
    ]
    refusal = found[PRODUCT, BAD_TOKEN]["of_list"]
    rows.append(_row(f"CPU against {LIST}: {BAD_TOKEN}", "≤", REFUSAL, refusal))
    return _table(
        ["figure", "target", "measured", "verdict"], [*rows, *_growth(entries), *_crowds(entries)]
    )


def _growth(entries: Sequence[Entry]) -> Iterable[Row]:
    names = {entry["target"] for entry in entries}
    largest = max(size for size in SIZES if target(size) in names)
    for entry in entries:
        if entry["target"] == target(largest):
            what = f"p50 with {largest:,} rows against {SIZES[0]:,}: {entry['operation']}"
            yield _row(what, "≤", GROWTH, entry["of_smallest"])


def _crowds(entries: Sequence[Entry]) -> Iterable[Row]:
    crowds = [e for e in entries if "wrong" in e and e["target"].startswith("1,000 clients")]
    wrong = sum(entry["wrong"] for entry in crowds)
    answers = sum(entry["answers"] for entry in crowds)
    yield [
        "1,000 clients: neither 2xx nor a deliberate 503 or 429",
        "0",
        f"{wrong:,} of {answers:,}",
        "missed" if wrong else "reached",
    ]
    kept = [entry for entry in entries if "memory_kib" in entry]
    grown = [
        after / before for entry in kept for before, after in zip(*entry["memory_kib"], strict=True)
    ]
    requests, _ = kept[0]["target"].rsplit(", ", 1)
    what = f"memory of a worker after {requests}, the worst of {len(grown)}"
    yield _row(what, "≤", MEMORY, [max(grown), min(grown), max(grown)])


def _row(figure: str, relation: str, limit: float | None, found: Sequence[float]) -> Row:
    middle, least, most = found
    measured = f"{middle:.2f} ({least:.2f} to {most:.2f})"
    if limit is None:
        return [figure, "", measured, ""]
    verdict = "reached" if REACHED[relation](middle, limit) else "missed"
    return [figure, f"{relation} {limit:g}", measured, verdict]


def _measured(entry: Entry) -> Row:
    return [
        f"{entry['rps']:,.0f}",
        f"{entry['p50_ms']:.1f} / {entry['p99_ms']:.1f}",
        f"{entry['cpu_us']:,}",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(tables(json.loads(RESULTS.read_text())))
