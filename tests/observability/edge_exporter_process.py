"""The edge exporter as a process, and log lines as nginx sends them."""

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
certificate.NGINX, certificate.INTERVAL_SECONDS = ("127.0.0.1", int(sys.argv[3])), 0.1
edge_exporter.main()
"""
DEFAULT_ENTRY = {
    "path": "/api/alice/tasks",
    "status": "200",
    "seconds": "3.000",
    "upstream_header": "0.010",
    "upstream_seconds": "0.010",
}
# Sent last: once it is counted, all lines before it are.
LAST, LAST_SERIES = {"status": "304"}, 'edge_requests_total{answered_by="api",status="304"}'


def log_line(**members: object) -> bytes:
    """A log line as nginx sends it, with these members in place of the default ones."""
    return b"<190>Nov 26 11:14:13 nginx: " + json.dumps(DEFAULT_ENTRY | members).encode()


@dataclass(frozen=True)
class EdgeExporter:
    """Its log socket, its port for scrapes, and the port where it expects nginx."""

    log: Path
    port: int
    nginx_port: int

    def samples(self) -> dict[str, float]:
        """All samples of a scrape, by series."""
        lines = scrape(f"http://127.0.0.1:{self.port}").splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("edge_"))
        return {name: float(value) for name, value in pairs}

    def increases(self, *lines: bytes) -> dict[str, float]:
        """The series that these lines increase, and by how much."""
        before = self.samples()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            for line in (*lines, log_line(**LAST)):
                log.sendto(line, str(self.log))
        wait_until(lambda: self.samples()[LAST_SERIES] > before[LAST_SERIES])
        increased = {name: round(value - before[name], 3) for name, value in self.samples().items()}
        return {name: by for name, by in increased.items() if by and '="3' not in name}


@contextmanager
def running_exporter(folder: Path) -> Iterator[EdgeExporter]:
    """Run an exporter until the block ends; it must not have exited before."""
    edge = EdgeExporter(folder / "log", free_port(), free_port())
    words = (str(edge.log), str(edge.port), str(edge.nginx_port))
    with running(sys.executable, "-c", START, *words) as command:
        wait_until(lambda: not is_free(edge.port))
        yield edge
        assert command.process.poll() is None, command.errors
