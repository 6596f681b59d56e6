"""Interleaved runs: a target and its peers are measured next to each other, and each of them is
the first one in its turn, so that a slow minute of the machine meets all of them.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.bench.servers import Server
from tests.bench.workload import BAD_TOKEN, Cycles
from tests.bench.wrk import Load, Request, load

Entry = dict[str, Any]


@dataclass
class Figure:
    """What the runs of one operation on one target found, in order."""

    operation: str
    target: str
    loads: list[Load] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    @property
    def rps(self) -> list[float]:
        return [run.rps for run in self.loads]

    @property
    def p50_ms(self) -> list[float]:
        return [run.p50_ms for run in self.loads]

    @property
    def p99_ms(self) -> list[float]:
        return [run.p99_ms for run in self.loads]

    def run(self, server: Server, requests: Sequence[Request], **options: Any) -> Load:
        """One more run; ``options`` are those of ``load``."""
        before = server.cpu_seconds()
        run = load(server.url, requests, **options)
        self.loads.append(run)
        self.cpu_us.append((server.cpu_seconds() - before) / run.requests * 1e6)
        return run

    def check(self) -> None:
        """End when an answer is not the one that is measured: errors are quick."""
        for run in self.loads:
            expected = run.requests if self.operation == BAD_TOKEN else 0
            if run.failed != expected or run.socket_errors or not run.statuses.keys() <= {"401"}:
                raise SystemExit(f"{self.target} failed at {self.operation}: {run}")

    def entry(self, **more: Any) -> Entry:
        """Medians; ``spread`` is that of requests per second, relative to its median."""
        middle = median(self.rps)
        return {
            "operation": self.operation,
            "target": self.target,
            "rps": round(middle, 1),
            "p50_ms": round(median(self.p50_ms), 2),
            "p99_ms": round(median(self.p99_ms), 2),
            "cpu_us": round(median(self.cpu_us)),
            "round_trips": None,
            "runs": len(self.loads),
            "spread": round((max(self.rps) - min(self.rps)) / middle, 3),
            **more,
        }


Figures = dict[tuple[str, str], Figure]


def measure(
    servers: Mapping[str, Server],
    cycles: Mapping[str, Cycles],
    *,
    runs: int,
    seconds: int,
    connections: int = 16,
) -> Figures:
    """The figures by target and operation; ``cycles`` are each target's requests."""
    targets = list(servers)
    operations = list(cycles[targets[0]])
    found = {(target, name): Figure(name, target) for name in operations for target in targets}
    for number in range(runs + 1):
        say(f"  run {number} of {runs}" if number else "  warming up")
        first = number % len(targets)
        for name in operations:
            for target in targets[first:] + targets[:first]:
                figure = found[target, name] if number else Figure(name, target)
                how = {"connections": connections, "seconds": seconds, "by_status": not number}
                figure.run(servers[target], cycles[target][name], **how)
                figure.check()
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Median, least and greatest of the quotients of the same rounds."""
    quotients = [a / b for a, b in zip(above, below, strict=True)]
    return [round(q, 2) for q in (median(quotients), min(quotients), max(quotients))]


def say(text: str) -> None:
    """Progress, beside the tables."""
    print(text, file=sys.stderr, flush=True)
