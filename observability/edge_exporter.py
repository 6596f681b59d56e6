"""Exports request counts and latencies of nginx from its access log, and logs its critical errors.

The API cannot count the requests that were lost with one of its workers; nginx can. It sends each
line of its JSON access log as a datagram to a UNIX socket.
"""

import json
import re
import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread

from prometheus_client import Counter, Histogram, start_http_server

from observability import certificate

SOCKET, PORT, MAX_LINE_BYTES = Path("/run/edge/log"), 9114, 65536
PROBES = {"/livez", "/readyz", "/startupz", "/healthz"}
REDIRECT_TO_HTTPS = "308"
STATUSES = (
    "200 201 304 400 401 403 404 405 408 410 412 413 414 415 422 429 431 499 "
    "500 501 502 503 504 505"
)
# Those of the API's own histogram, so that the two can be compared.
BUCKETS = ".005 .01 .025 .05 .075 .1 .15 .2 .25 .3 .4 .5 .6 .75 1 1.5 2.5 5 10"
REQUESTS = Counter(
    "edge_requests_total",
    "Number of requests that nginx answered, by status and by whether the API made the answer.",
    ["status", "answered_by"],
)
DURATION = Histogram(
    "edge_request_duration_seconds",
    "Time from sending a request to the API until its answer was read, in seconds.",
    ["status"],
    buckets=BUCKETS.split(),
)
# Every series exists from the start: (answered by the API, answered by nginx itself).
REQUESTS_BY_STATUS = {
    status: [REQUESTS.labels(status, source) for source in ("api", "nginx")]
    for status in [*STATUSES.split(), "other"]
}
CRITICAL = re.compile(
    rb"<\d+>[^{]*?nginx: \d{4}/\d\d/\d\d [\d:]+ \[(crit|alert|emerg)\] (.*?)(?:, client: .*)?$",
    re.DOTALL,
)
DURATION_BY_CLASS = {digit: DURATION.labels(f"{digit}xx") for digit in "012345"}


def count(line: bytes) -> None:
    """Count one line of the access log; probes and redirects to HTTPS are left out.

    Raises ValueError, KeyError and the like for a line that is not as nginx writes it.
    """
    entry = json.loads(line[line.index(b"{") :])
    status = entry["status"]
    if entry["path"] in PROBES or status == REDIRECT_TO_HTTPS:
        return
    # Without response headers from upstream, nginx made the answer itself; a 502 is always its own.
    by_nginx = status == "502" or not entry["upstream_header"][-1:].isdigit()
    # Upstream time excludes the time that the client takes; with retries it has several values.
    seconds = re.findall(r"[\d.]+", entry["upstream_seconds"]) or [entry["seconds"]]
    REQUESTS_BY_STATUS.get(status, REQUESTS_BY_STATUS["other"])[by_nginx].inc()
    DURATION_BY_CLASS[status[0]].observe(sum(map(float, seconds)))


def log_failure(line: bytes) -> bool:
    """Print a critical line of nginx's error log as JSON, without the request that it names."""
    found = CRITICAL.match(line)
    if found:
        message = found[2].decode(errors="replace")
        entry = {"level": "error", "event": "nginx_failed", "severity": found[1].decode()}
        print(json.dumps(entry | {"message": message}), flush=True)
    return bool(found)


def main() -> None:
    """Receive log lines and serve ``/metrics`` until the process is stopped."""
    SOCKET.unlink(missing_ok=True)
    Thread(target=certificate.watch, daemon=True).start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(SOCKET))
        SOCKET.chmod(0o666)
        start_http_server(PORT)
        while True:
            line = log.recv(MAX_LINE_BYTES)
            with suppress(Exception):  # a malformed line must not stop the exporter
                if not log_failure(line):
                    count(line)


if __name__ == "__main__":
    main()
