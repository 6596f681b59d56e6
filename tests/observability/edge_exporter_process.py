"""The edge's counter as a process of its own, and the lines that nginx sends it."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.command import free_port, is_free, running
from tests.support.observability.metrics import scrape
from tests.support.waiting import wait_until

START = """
import sys
from pathlib import Path
from observability import certificate
from observability import edge_exporter
edge_exporter.SOCKET, edge_exporter.PORT = Path(sys.argv[1]), int(sys.argv[2])
certificate.NGINX, certificate.PAUSE_SECONDS = ("127.0.0.1", int(sys.argv[3])), 0.1
edge_exporter.main()
"""
USUAL = {
    "path": "/api/alice/tasks",
    "status": "200",
    "seconds": "3.000",
    "upstream_header": "0.010",
    "upstream_seconds": "0.010",
}
# Sent last: once it is counted, so are those before it.
LAST, LAST_COUNTED = {"status": "304"}, 'edge_requests_total{by="api",status="304"}'


def sent(**members: object) -> bytes:
    """A line as nginx sends it; ``members`` differ from a usual one's."""
    return b"<190>Nov 26 11:14:13 nginx: " + json.dumps(USUAL | members).encode()


@dataclass(frozen=True)
class EdgeCounter:
    """Where it takes lines and scrapes, and where it looks for nginx."""

    log: Path
    port: int
    nginx_port: int

    def samples(self) -> dict[str, float]:
        """All that it says."""
        lines = scrape(f"http://127.0.0.1:{self.port}").splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("edge_"))
        return {name: float(value) for name, value in pairs}

    def counted(self, *lines: bytes) -> dict[str, float]:
        """What rises with these lines, and by how much."""
        before = self.samples()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            for line in (*lines, sent(**LAST)):
                log.sendto(line, str(self.log))
        wait_until(lambda: self.samples()[LAST_COUNTED] > before[LAST_COUNTED])
        rises = {name: round(value - before[name], 3) for name, value in self.samples().items()}
        return {name: rise for name, rise in rises.items() if rise and '="3' not in name}


@contextmanager
def counting(folder: Path) -> Iterator[EdgeCounter]:
    """Run one until the block ends; it must not have ended before."""
    edge = EdgeCounter(folder / "log", free_port(), free_port())
    words = (str(edge.log), str(edge.port), str(edge.nginx_port))
    with running(sys.executable, "-c", START, *words) as command:
        wait_until(lambda: not is_free(edge.port))
        yield edge
        assert command.process.poll() is None, command.errors
