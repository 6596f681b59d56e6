"""Interleaved runs: targets are measured next to each other, and take turns in being the first,
so that a slow minute of the machine affects all of them.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.bench.operation import Operation, Workload
from tests.bench.servers import Server
from tests.bench.wrk import Load, load

Entry = dict[str, Any]


@dataclass
class Figure:
    """The results of the runs of one operation on one target, in order.

    CPU times are microseconds per request; ``log_bytes`` are bytes per request.
    """

    operation: str
    target: str
    status: str = "2xx"
    loads: list[Load] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    database_cpu_us: list[float] = field(default_factory=list)
    log_bytes: list[float] = field(default_factory=list)

    @property
    def rps(self) -> list[float]:
        return [run.rps for run in self.loads]

    @property
    def p50_ms(self) -> list[float]:
        return [run.p50_ms for run in self.loads]

    @property
    def p99_ms(self) -> list[float]:
        return [run.p99_ms for run in self.loads]

    def run(self, server: Server, operation: Operation, **options: Any) -> Load:
        """One more run; ``options`` are those of ``load``."""
        cycle = operation.cycle()
        before = server.cpu_seconds(), server.database_cpu_seconds(), server.log_bytes()
        run = load(server.url, cycle, **options)
        if not run.requests:
            raise SystemExit(f"{self.target} sent no response to {self.operation}: {run}")
        after = server.cpu_seconds(), server.database_cpu_seconds(), server.log_bytes()
        cpu, database, log = ((b - a) / run.requests for a, b in zip(before, after, strict=True))
        self.loads.append(run)
        self.cpu_us.append(cpu * 1e6)
        self.database_cpu_us.append(database * 1e6)
        self.log_bytes.append(log)
        return run

    def check(self) -> None:
        """Raise ``SystemExit`` if a response had another status, since errors are quick."""
        for run in self.loads:
            expected = run.requests if self.status >= "400" else 0
            if (
                run.failed != expected
                or run.socket_errors
                or not run.statuses.keys() <= {self.status}
            ):
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
            "database_cpu_us": round(median(self.database_cpu_us)),
            "log_bytes": round(median(self.log_bytes)),
            "round_trips": None,
            "runs": len(self.loads),
            "spread": round((max(self.rps) - min(self.rps)) / middle, 3),
            **more,
        }


Figures = dict[tuple[str, str], Figure]


def measure(
    servers: Mapping[str, Server],
    workloads: Mapping[str, Workload],
    *,
    runs: int,
    seconds: int,
    connections: int = 16,
) -> Figures:
    """The figures by target and operation; ``workloads`` holds each target's operations."""
    targets = list(servers)
    names = list(dict.fromkeys(name for workload in workloads.values() for name in workload))
    found = {
        (target, name): Figure(name, target, workloads[target][name].status)
        for name in names
        for target in targets
        if name in workloads[target]
    }
    for number in range(runs + 1):
        say(f"  run {number} of {runs}" if number else "  warming up")
        first = number % len(targets)
        for name in names:
            for target in targets[first:] + targets[:first]:
                if name not in workloads[target]:
                    continue
                operation = workloads[target][name]
                figure = found[target, name] if number else Figure(name, target, operation.status)
                how = {"connections": connections, "seconds": seconds, "by_status": not number}
                figure.run(servers[target], operation, **how)
                figure.check()
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Median, least and greatest of the quotients of the same rounds."""
    quotients = [a / b for a, b in zip(above, below, strict=True)]
    return [round(q, 2) for q in (median(quotients), min(quotients), max(quotients))]


def say(text: str) -> None:
    """Print progress on standard error."""
    print(text, file=sys.stderr, flush=True)
