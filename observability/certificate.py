"""The expiry time of the certificate that nginx presents to clients."""

import ssl
import time
from contextlib import suppress

from cryptography import x509
from prometheus_client import Gauge

NGINX, INTERVAL_SECONDS, TIMEOUT_SECONDS = ("nginx", 8443), 10, 3
EXPIRY = Gauge(
    "edge_certificate_expiry_timestamp_seconds",
    "Unix time at which the certificate of nginx expires, in seconds; 0 if the handshake failed.",
)


def watch() -> None:
    """Update the gauge forever; run it in a thread, because name lookup and handshake block."""
    while True:
        expiry = 0.0
        with suppress(OSError, ValueError):
            pem = ssl.get_server_certificate(NGINX, timeout=TIMEOUT_SECONDS).encode()
            expiry = x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
        EXPIRY.set(expiry)
        time.sleep(INTERVAL_SECONDS)
