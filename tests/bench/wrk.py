"""Runs of wrk, an HTTP load generator: https://github.com/wg/wrk."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

SCRIPT = Path(__file__).with_name("cycle.lua")


@dataclass(frozen=True)
class Request:
    """One request; ``body`` is JSON or empty, ``entity_tag`` the value of If-None-Match."""

    method: str
    path: str
    token: str
    body: str = ""
    entity_tag: str = ""


@dataclass(frozen=True)
class Cycle:
    """Requests that are sent in turn, over and over.

    Each block of ``block`` requests, by default all of them, is sent ``uses`` times before the
    next block. The first request is a random one unless ``in_order``.
    """

    requests: Sequence[Request]
    block: int = 0
    uses: int = 1
    in_order: bool = False


@dataclass(frozen=True)
class Load:
    """The result of one run.

    ``failed`` counts responses with status 400 and above. ``statuses`` counts responses that are
    not 2xx, if the run was asked to count them.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    socket_errors: int
    statuses: dict[str, int]

    @property
    def rps(self) -> float:
        return self.requests / self.seconds


def require() -> None:
    """Raise ``SystemExit`` with one sentence if wrk is not installed."""
    if which("wrk") is None:
        raise SystemExit("wrk is missing: install it (on Debian: apt-get install wrk)")


def load(
    url: str, cycle: Cycle, *, connections: int, seconds: int, by_status: bool = False
) -> Load:
    """Send the requests of a cycle on so many connections, for so many seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(
            f"{r.method}\t{r.path}\t{r.token}\t{r.entity_tag}\t{r.body}\n" for r in cycle.requests
        )
        file.flush()
        # wrk counts a timeout as an error; the queue of a thousand clients may take seconds.
        options = [f"-c{connections}", "-t1", f"-d{seconds}s", "--timeout=15s", f"-s{SCRIPT}"]
        order = [str(cycle.block or len(cycle.requests)), str(cycle.uses)]
        order.append("first" if cycle.in_order else "random")
        arguments = [file.name, *order, *(["by status"] if by_status else [])]
        done = subprocess.run(
            ["wrk", *options, url, "--", *arguments], capture_output=True, text=True, check=True
        )
    return Load(**json.loads(done.stdout.splitlines()[-1]))
