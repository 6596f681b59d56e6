"""What a number of daily users needs, computed from ``results.json``."""

from collections.abc import Callable, Sequence
from math import ceil

from api.config.settings import Settings
from tests.bench.measure import Entry
from tests.bench.report import markdown
from tests.bench.servers import PRODUCT
from tests.bench.workload import CREATE, EDDSA, LIST, ONE, TOGGLE

DAILY_USERS, REQUESTS_PER_USER, PEAK = 1_000_000, 50, 5
SHARES = {LIST: 0.60, ONE: 0.25, CREATE: 0.05, TOGGLE: 0.10}
# A queue grows without bound as use nears 1: no core is planned to be busier than this.
BUSY = 0.6
MEAN = DAILY_USERS * REQUESTS_PER_USER / 86_400

Row = tuple[str, str, str]


def table(entries: Sequence[Entry]) -> str:
    """The needs in Markdown; rows whose figures were not measured are absent."""
    found = {e["operation"]: e for e in entries if e["target"] == PRODUCT}
    api = _cores(found, "cpu_us")
    workers = ceil(api / BUSY)
    connections = workers * Settings.model_fields["pool_size"].default
    rows: list[Row] = [
        ("requests a second, mean", f"{MEAN:,.0f}", _words()),
        ("requests a second, peak", f"{MEAN * PEAK:,.0f}", f"{PEAK} times the mean"),
        ("cores busy with the API", f"{api:.1f}", "CPU time per request at the peak"),
        ("workers", f"{workers}", f"one core each, {BUSY:.0%} busy"),
        ("database connections", f"{connections}", "`POOL_SIZE` per worker"),
    ]
    if all("database_cpu_us" in found[name] for name in SHARES):
        database = _cores(found, "database_cpu_us")
        how = f"{database:.1f} busy at the peak, {BUSY:.0%} of the cores"
        rows.append(("PostgreSQL's cores", f"{ceil(database / BUSY)}", how))
        daily = _mean(lambda name: found[name]["log_bytes"]) * MEAN * 86_400 / 1e9
        how = "the API's lines, one per request; nginx writes one more"
        rows.append(("gigabytes of log a day", f"{daily:.0f}", how))
    return markdown(["need", "figure", "from"], rows)


def _cores(found: dict[str, Entry], member: str) -> float:
    """Cores that are busy at the peak; ``member`` holds microseconds per request."""
    return _mean(lambda name: found[name][member] + _eddsa(found, member)) * MEAN * PEAK / 1e6


def _eddsa(found: dict[str, Entry], member: str) -> float:
    """What an EdDSA token costs more than HS256, measured by reading one task."""
    eddsa = found.get(EDDSA[ONE], found[ONE])
    return float(max(eddsa[member] - found[ONE][member], 0))


def _mean(of: Callable[[str], float]) -> float:
    return sum(share * of(name) for name, share in SHARES.items())


def _words() -> str:
    shares = ", ".join(f"{share:.0%} {name}" for name, share in SHARES.items())
    return f"{DAILY_USERS:,} users, {REQUESTS_PER_USER} requests each: {shares}"
