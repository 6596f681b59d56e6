"""A headless Chromium, and a web page at its own origin that it opens."""

import base64
import hashlib
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.auth.issuer import send
from tests.support.command import running
from tests.support.database.embedded_postgres import readable_folder
from tests.support.required_tools import require_tool

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which root may not have
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-port=0",  # keeps it open
)
PATIENCE = 120
PAGE = """<!doctype html><link rel="icon" href="data:,"><script type="module">
const { default: run } = await import("/program.js");
const told = await run(%s).then((value) => ({ value }), (error) => ({ error: `${error}` }));
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
</script>"""


class Site:
    """A web server with one page, whose program is a module's default function."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        self.files: dict[str, tuple[str, str]] = {}
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.meanwhile: Callable[[], object] = str

    def run(
        self,
        program: str,
        argument: object,
        certificate: Path | None = None,
        meanwhile: Callable[[], object] = str,
    ) -> Any:
        """What the program returns in a new browser that trusts this certificate.

        ``meanwhile`` is done when it posts to ``/meanwhile``, before that is answered.
        """
        self.meanwhile = meanwhile
        self.files["/"] = ("text/html", PAGE % json.dumps(argument))
        self.files["/program.js"] = ("text/javascript", program)
        trust = [f"--ignore-certificate-errors-spki-list={pin(certificate)}"] if certificate else []
        with readable_folder() as profile:
            words = (browser(), *FLAGS, f"--user-data-dir={profile}", *trust, self.origin)
            with running(*words):
                told = self.told.get(timeout=PATIENCE)
        assert "value" in told, told
        return told["value"]


@contextmanager
def site(port: int) -> Iterator[Site]:
    """A site on this port of the loopback interface."""
    made = Site(port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = made.files.get(self.path, ("text/plain", ""))
            send(self, text.encode(), 200 if text else 404, **{"Content-Type": kind})

        def do_POST(self) -> None:
            if self.path == "/meanwhile":
                made.meanwhile()
            else:
                made.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            send(self, b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield made
        finally:
            server.shutdown()


def browser() -> str:
    """The program, or a skipped test."""
    return require_tool(*NAMES)


def pin(certificate: Path) -> str:
    """The hash of a certificate's key, as Chromium wants it."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()
