"""Runs the users, shows the progress, and checks the latency objective."""

import os
import sys
from collections import Counter

import gevent

# Imported before anything else that uses sockets, because it patches them for gevent.
from locust.env import Environment

from tests.load.users import USERS, TaskUser, check_target, tokens

SECONDS = int(os.environ.get("SECONDS", "60"))
TARGET_MS, TARGET_SHARE = 500, 0.99
TABLE = "{:<10}{:>10}{:>8}{:>8}{:>8}{:>8}{:>15}"


def run() -> tuple[Environment, Counter[str]]:
    """Run the users; the statistics, and the number of slow requests by operation."""
    slow: Counter[str] = Counter()
    load = Environment(user_classes=[TaskUser])

    def count_slow(name: str, response_time: float, **_: object) -> None:
        slow[name] += response_time > TARGET_MS

    load.events.request.add_listener(count_slow)  # type: ignore[no-untyped-call]
    runner = load.create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    runner.spawning_greenlet.join()  # type: ignore[union-attr]
    while len(TaskUser.started) < runner.user_count:  # a user whose start fails has gone
        gevent.sleep(0.1)
    for second in range(SECONDS):
        gevent.sleep(1)
        total = load.stats.total
        line = f"{second + 1:>4} of {SECONDS} s  {total.num_requests:>7} requests  "
        print(f"\r{line}{total.num_failures} failed", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    runner.quit()
    return load, slow


def print_report(load: Environment, slow: Counter[str]) -> bool:
    """Print the table; whether every operation met the objective and no request failed."""
    met = load.stats.total.num_requests > 0
    print(TABLE.format("operation", "requests", "failed", "p50", "p95", "p99", "under 500 ms"))
    for entry in sorted(load.stats.entries.values(), key=lambda entry: -entry.num_requests):
        times = (entry.get_response_time_percentile(part) or 0 for part in (0.5, 0.95, 0.99))
        share = 1 - slow[entry.name] / entry.num_requests
        counts = (entry.num_requests, entry.num_failures)
        print(TABLE.format(entry.name, *counts, *(f"{t:.0f} ms" for t in times), f"{share:.2%}"))
        met = met and share >= TARGET_SHARE and not entry.num_failures
    for failure in load.stats.errors.values():
        print(f"{failure.occurrences} x {failure.name}: {failure.error}", file=sys.stderr)
    return met


if __name__ == "__main__":
    check_target()
    names = [f"load-{os.getpid()}-{number}" for number in range(USERS)]
    TaskUser.tokens = tokens(names)
    met = print_report(*run())
    print("The objective was met." if met else "The objective was not met.", file=sys.stderr)
    sys.exit(not met)
