"""The edge exporter between nginx's log and Prometheus' scrape."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509

from api.telemetry.metrics import LATENCY_BUCKETS
from tests.observability.edge_exporter_process import EdgeExporter, log_line, running_exporter
from tests.support.http.certificates import self_signed
from tests.support.waiting import wait_until

EXPIRY = "edge_certificate_expiry_timestamp_seconds"
MALFORMED = [
    b"",
    b"no json",
    b"<190>nginx: {",
    b"{}",
    b"\xff{\xff}",
    b'{"path": []}',
    log_line(status=200),
    log_line(status=""),
    log_line(status="-"),
    log_line(upstream_header=None),
    log_line(upstream_seconds="1.2.3"),
    log_line(seconds="-", upstream_seconds="-"),
]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeExporter]:
    """One exporter for all tests, which look at the increase only."""
    with running_exporter(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.mark.parametrize(
    ("members", "status", "answered_by", "seconds"),
    [
        ({}, "200", "api", 0.01),
        ({"status": "404"}, "404", "api", 0.01),
        *(({"status": status}, status, "api", 0.01) for status in ("410", "412")),
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
def test_an_answer_counts_by_status_and_source_with_its_upstream_time(
    edge: EdgeExporter, members: dict[str, str], status: str, answered_by: str, seconds: float
) -> None:
    kind = members.get("status", "200")[0]
    rises = edge.increases(log_line(**members))

    assert {name: rise for name, rise in rises.items() if "bucket" not in name} == {
        f'edge_requests_total{{answered_by="{answered_by}",status="{status}"}}': 1,
        f'edge_request_duration_seconds_count{{status="{kind}xx"}}': 1,
        f'edge_request_duration_seconds_sum{{status="{kind}xx"}}': seconds,
    }


@pytest.mark.parametrize(
    "members", [{"status": "308"}, {"path": "/livez"}, {"path": "/readyz", "status": "503"}]
)
def test_probes_and_redirects_are_not_counted(edge: EdgeExporter, members: dict[str, str]) -> None:
    assert edge.increases(log_line(**members)) == {}


def test_the_buckets_equal_those_of_the_api(edge: EdgeExporter) -> None:
    ours = {name.split('le="')[1].split('"')[0] for name in edge.samples() if "bucket" in name}

    assert ours == {*map(str, LATENCY_BUCKETS), "+Inf"}


def test_a_constant_latency_falls_into_one_narrow_bucket(edge: EdgeExporter) -> None:
    rises = edge.increases(*[log_line(upstream_seconds="0.120")] * 100)
    buckets = [(n, rise) for n, rise in rises.items() if "bucket" in n]

    first, rise = buckets[0]
    assert 'le="0.15"' in first  # so every quantile lies between 0.1 and 0.15
    assert rise == 100


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_line_is_skipped(edge: EdgeExporter, line: bytes) -> None:
    rises = edge.increases(line, log_line())

    assert rises['edge_requests_total{answered_by="api",status="200"}'] >= 1


def test_the_certificate_expiry_is_that_of_the_certificate_nginx_presents(
    edge: EdgeExporter, tmp_path: Path
) -> None:
    context, public = self_signed(tmp_path)
    end = x509.load_pem_x509_certificate(public.read_bytes()).not_valid_after_utc.timestamp()

    assert edge.samples()[EXPIRY] == 0
    with listening(edge.nginx_port, context):
        wait_until(lambda: edge.samples()[EXPIRY] == end)
    wait_until(lambda: edge.samples()[EXPIRY] == 0)


def test_a_hanging_handshake_delays_no_scrape_and_times_out(edge: EdgeExporter) -> None:
    with listening(edge.nginx_port) as clients:
        wait_until(lambda: len(clients) == 1)
        assert edge.samples()[EXPIRY] == 0
        assert clients[0].recv(2**16)
        with pytest.raises(BlockingIOError):  # nor was the connection closed meanwhile
            clients[0].recv(1, socket.MSG_DONTWAIT)
        wait_until(lambda: len(clients) == 2)


@contextmanager
def listening(port: int, context: ssl.SSLContext | None = None) -> Iterator[list[socket.socket]]:
    """A server that does TLS handshakes if it has a certificate, and never closes a connection."""
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
