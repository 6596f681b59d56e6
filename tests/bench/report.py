"""From ``results.json`` to the tables of README.md beside it: ``python -m tests.bench.report``."""

from collections.abc import Iterable, Sequence
from operator import ge, le
from pathlib import Path

from tests.bench.measure import Entry
from tests.bench.scaling import SIZES, target
from tests.bench.servers import NAMES, PRODUCT
from tests.bench.workload import BAD_TOKEN, CREATE, EDDSA, LIST, ONE, TOGGLE

RESULTS = Path(__file__).with_name("results.json")
REACHED = {"≥": ge, "≤": le}
THROUGHPUT = {LIST: 8.0, ONE: 7.0, CREATE: 7.0, TOGGLE: 8.0}
AGAINST_LITESTAR = {LIST: 0.45, ONE: 0.45, CREATE: 0.65, EDDSA[LIST]: 0.45, EDDSA[ONE]: 0.45}
AGAINST_THE_FLOOR = {LIST: 2.0, ONE: 2.2, CREATE: 2.2, TOGGLE: 2.2}
TAIL, SCALING, REFUSAL, MEMORY, AGAINST_HS256 = 3.0, 1.3, 0.55, 1.02, 1.08

Row = list[str]


def tables(entries: Sequence[Entry]) -> str:
    """Interpreter and machine, and the three tables, in Markdown."""
    parts = [targets(entries), figures(entries), scaling_and_concurrency(entries)]
    if "python" in entries[0]:
        parts.insert(0, f"{entries[0]['python']}, {entries[0]['cores']} cores.")
    return "\n\n".join(parts)


def figures(entries: Sequence[Entry]) -> str:
    """Every operation of every target."""
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
    head = [
        "operation",
        "by",
        "requests/s",
        "p50 / p99 ms",
        "CPU µs",
        "PostgreSQL's CPU µs",
        "round trips",
        "spread",
    ]
    return markdown(head, rows)


def scaling_and_concurrency(entries: Sequence[Entry]) -> str:
    """The product on more rows and for more clients."""
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
    head = [
        "operation",
        "with",
        "requests/s",
        "p50 / p99 ms",
        "CPU µs",
        "PostgreSQL's CPU µs",
        "503 or 429",
        "other",
    ]
    return markdown(head, rows)


def targets(entries: Sequence[Entry]) -> str:
    """The ratios of the same rounds beside their targets."""
    found = {(entry["target"], entry["operation"]): entry for entry in entries}
    operations = [entry["operation"] for entry in entries if entry["target"] == PRODUCT]
    rows = [
        _row(
            f"throughput against {NAMES['plan']}: {name}",
            "≥",
            THROUGHPUT.get(name),
            of["product_rps"],
        )
        for name in operations
        if (of := found.get(("plan", name)))
    ]
    for peer, limits in (("litestar", AGAINST_LITESTAR), ("floor", AGAINST_THE_FLOOR)):
        rows += [
            _row(f"CPU against {NAMES[peer]}: {name}", "≤", limits.get(name), of["product_cpu"])
            for name in operations
            if (of := found.get((peer, name)))
        ]
    rows += [
        _row(f"p99 / p50: {name}", "≤", TAIL, found[PRODUCT, name]["tail"]) for name in operations
    ]
    rows += [
        _row(f"CPU against HS256: {name}", "≤", AGAINST_HS256, of["of_hs256"])
        for name in operations
        if "of_hs256" in (of := found[PRODUCT, name])
    ]
    refusal = found[PRODUCT, BAD_TOKEN]["of_list"]
    rows.append(_row(f"CPU against {LIST}: {BAD_TOKEN}", "≤", REFUSAL, refusal))
    return markdown(
        ["figure", "target", "measured", "verdict"],
        [*rows, *_scaling(entries), *_concurrency(entries)],
    )


def _scaling(entries: Sequence[Entry]) -> Iterable[Row]:
    names = {entry["target"] for entry in entries}
    largest = max(size for size in SIZES if target(size) in names)
    for entry in entries:
        if entry["target"] == target(largest):
            what = f"p50 with {largest:,} rows against {SIZES[0]:,}: {entry['operation']}"
            yield _row(what, "≤", SCALING, entry["of_smallest"])


def _concurrency(entries: Sequence[Entry]) -> Iterable[Row]:
    crowded = [e for e in entries if "wrong" in e and e["target"].startswith("1,000 clients")]
    wrong = sum(entry["wrong"] for entry in crowded)
    answers = sum(entry["answers"] for entry in crowded)
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
        f"{entry['database_cpu_us']:,}" if "database_cpu_us" in entry else "",
    ]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
