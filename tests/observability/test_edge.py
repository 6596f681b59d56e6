"""The edge's counter, as nginx feeds it and Prometheus reads it."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509

from api.telemetry.metrics import LATENCY_BUCKETS
from tests.observability.edge_exporter_process import EdgeCounter, counting, sent
from tests.support.http.certificates import self_signed
from tests.support.waiting import wait_until

ENDS = "edge_certificate_end"
BROKEN = [
    b"",
    b"no json",
    b"<190>nginx: {",
    b"{}",
    b"\xff{\xff}",
    b'{"path": []}',
    sent(status=200),
    sent(status=""),
    sent(status="-"),
    sent(upstream_header=None),
    sent(upstream_seconds="1.2.3"),
    sent(seconds="-", upstream_seconds="-"),
]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeCounter]:
    """One for all: each test looks at what it adds."""
    with counting(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.mark.parametrize(
    ("members", "status", "by", "seconds"),
    [
        ({}, "200", "api", 0.01),
        ({"status": "404"}, "404", "api", 0.01),
        ({"status": "503", "upstream_header": "0.010"}, "503", "api", 0.01),
        ({"status": "429", "upstream_header": "-", "upstream_seconds": "-"}, "429", "nginx", 3),
        ({"status": "400", "upstream_header": "", "upstream_seconds": ""}, "400", "nginx", 3),
        ({"status": "502", "upstream_header": "-", "upstream_seconds": "0.7"}, "502", "nginx", 0.7),
        ({"upstream_header": "-, 0.01", "upstream_seconds": "0.4, 0.02"}, "200", "api", 0.42),
        ({"status": "499", "upstream_header": "-", "upstream_seconds": "2"}, "499", "nginx", 2),
        ({"status": "418"}, "other", "api", 0.01),
        ({"status": "000", "upstream_header": "-"}, "other", "nginx", 0.01),
    ],
)
def test_an_answer_counts_by_status_maker_and_the_time_that_was_ours(
    edge: EdgeCounter, members: dict[str, str], status: str, by: str, seconds: float
) -> None:
    kind = members.get("status", "200")[0]
    rises = edge.counted(sent(**members))

    assert {name: rise for name, rise in rises.items() if "bucket" not in name} == {
        f'edge_requests_total{{by="{by}",status="{status}"}}': 1,
        f'edge_request_seconds_count{{status="{kind}xx"}}': 1,
        f'edge_request_seconds_sum{{status="{kind}xx"}}': seconds,
    }


@pytest.mark.parametrize(
    "members", [{"status": "308"}, {"path": "/livez"}, {"path": "/readyz", "status": "503"}]
)
def test_probes_and_redirects_are_no_service(edge: EdgeCounter, members: dict[str, str]) -> None:
    assert edge.counted(sent(**members)) == {}


def test_the_bounds_are_those_of_the_api(edge: EdgeCounter) -> None:
    ours = {name.split('le="')[1].split('"')[0] for name in edge.samples() if "bucket" in name}

    assert ours == {*map(str, LATENCY_BUCKETS), "+Inf"}


def test_a_constant_time_is_told_within_its_narrow_bucket(edge: EdgeCounter) -> None:
    rises = edge.counted(*[sent(upstream_seconds="0.120")] * 100)
    buckets = [(n, rise) for n, rise in rises.items() if "bucket" in n]

    first, rise = buckets[0]
    assert 'le="0.15"' in first  # so every quantile lies between 0.1 and 0.15
    assert rise == 100


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_passed_over(edge: EdgeCounter, line: bytes) -> None:
    rises = edge.counted(line, sent())

    assert rises['edge_requests_total{by="api",status="200"}'] >= 1


def test_the_end_of_the_certificate_is_the_one_that_nginx_shows(
    edge: EdgeCounter, tmp_path: Path
) -> None:
    context, public = self_signed(tmp_path)
    end = x509.load_pem_x509_certificate(public.read_bytes()).not_valid_after_utc.timestamp()

    assert edge.samples()[ENDS] == 0
    with listening(edge.nginx_port, context):
        wait_until(lambda: edge.samples()[ENDS] == end)
    wait_until(lambda: edge.samples()[ENDS] == 0)


def test_a_handshake_that_never_ends_delays_no_scrape_and_is_given_up(edge: EdgeCounter) -> None:
    with listening(edge.nginx_port) as clients:
        wait_until(lambda: len(clients) == 1)
        started = time.monotonic()
        assert edge.samples()[ENDS] == 0
        assert time.monotonic() - started < 1
        wait_until(lambda: len(clients) == 2)


@contextmanager
def listening(port: int, context: ssl.SSLContext | None = None) -> Iterator[list[socket.socket]]:
    """A server that shakes hands if it has a certificate, and hangs up on nobody."""
    listener, clients = socket.create_server(("127.0.0.1", port)), []

    def serve() -> None:
        with suppress(OSError):
            while True:
                clients.append(listener.accept()[0])
                if context:
                    clients[-1] = context.wrap_socket(clients[-1], server_side=True)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield clients
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in (listener, *clients):
            one.close()
