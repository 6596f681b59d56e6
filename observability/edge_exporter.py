"""Counts what nginx answered, by its log: an application cannot count the requests that died with
its worker.
"""

import json
import re
import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread

from prometheus_client import Counter, Histogram, start_http_server

from observability import certificate

SOCKET, PORT, LINE_BYTES = Path("/run/edge/log"), 9114, 65536
PROBES = {"/livez", "/readyz", "/startupz", "/healthz"}
CODES = "200 201 304 400 401 403 404 405 408 413 414 415 422 429 431 499 500 501 502 503 504 505"
BOUNDS = ".005 .01 .025 .05 .075 .1 .15 .2 .25 .3 .4 .5 .6 .75 1 1.5 2.5 5 10"  # as the API's
REQUESTS = Counter("edge_requests_total", "Answers, by status and maker.", ["status", "by"])
SECONDS = Histogram("edge_request_seconds", "To the answer.", ["status"], buckets=BOUNDS.split())
KNOWN = {code: [REQUESTS.labels(code, by) for by in ("api", "nginx")] for code in CODES.split()}
OTHER = [REQUESTS.labels("other", by) for by in ("api", "nginx")]
KINDS = {kind: SECONDS.labels(f"{kind}xx") for kind in "012345"}


def count(line: bytes) -> None:
    """Take a line of the log into account; probes and redirects to HTTPS are no service."""
    entry = json.loads(line[line.index(b"{") :])
    if entry["path"] in PROBES or (code := entry["status"]) == "308":
        return
    # Where upstream sent no headers, the answer is nginx's own. Not its time: that is the client's.
    own = not entry["upstream_header"][-1:].isdigit()
    spent = re.findall(r"[\d.]+", entry["upstream_seconds"]) or [entry["seconds"]]
    KNOWN.get(code, OTHER)[own].inc()
    KINDS[code[0]].observe(sum(map(float, spent)))


def main() -> None:
    """Count until the process is ended."""
    SOCKET.unlink(missing_ok=True)
    Thread(target=certificate.watch, daemon=True).start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(SOCKET))
        SOCKET.chmod(0o666)
        start_http_server(PORT)
        while True:
            line = log.recv(LINE_BYTES)
            with suppress(Exception):  # whatever a line holds, the next one counts
                count(line)


if __name__ == "__main__":
    main()
