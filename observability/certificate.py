"""The certificate that nginx shows, as a client sees it."""

import ssl
import time
from contextlib import suppress

from cryptography import x509
from prometheus_client import Gauge

NGINX, PAUSE_SECONDS = ("nginx", 8443), 10
ENDS = Gauge("edge_certificate_end", "When nginx's certificate ends; 0 where nginx shows none.")


def watch() -> None:
    """Look again and again, in a thread of its own: a name or a handshake may take long."""
    while True:
        end = 0.0
        with suppress(OSError, ValueError):
            pem = ssl.get_server_certificate(NGINX, timeout=3).encode()
            end = x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
        ENDS.set(end)
        time.sleep(PAUSE_SECONDS)
