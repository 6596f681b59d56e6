"""wrk, and what it found: https://github.com/wg/wrk."""

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
    """One request of a cycle; ``body`` is JSON or empty."""

    method: str
    path: str
    token: str
    body: str = ""


@dataclass(frozen=True)
class Load:
    """What one run found.

    ``failed`` counts the answers from 400 on, ``statuses`` all that are not 2xx, where asked for.
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
    """End with a sentence where there is no wrk."""
    if which("wrk") is None:
        raise SystemExit("wrk is missing: install it (on Debian: apt-get install wrk)")


def load(
    url: str,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: int,
    by_status: bool = False,
) -> Load:
    """Send the requests in turn, over and over, on so many connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as cycle:
        cycle.writelines(f"{r.method}\t{r.path}\t{r.token}\t{r.body}\n" for r in requests)
        cycle.flush()
        # Beyond a second's timeout wrk counts errors; a queue of a thousand clients may be longer.
        options = [f"-c{connections}", "-t1", f"-d{seconds}s", "--timeout=15s", f"-s{SCRIPT}"]
        arguments = [cycle.name, *(["by status"] if by_status else [])]
        done = subprocess.run(
            ["wrk", *options, url, "--", *arguments], capture_output=True, text=True, check=True
        )
    return Load(**json.loads(done.stdout.splitlines()[-1]))
