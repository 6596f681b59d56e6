"""An issuer on loopback: it signs, publishes its keys, rotates them, and fails on request."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

MAKE: dict[str, Callable[[], Any]] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}
Answer = Callable[[BaseHTTPRequestHandler], None]


class Issuer:
    """``answer``, when set, replaces the key set; ``fetches`` counts how often it was asked."""

    def __init__(self, algorithm: str = "EdDSA") -> None:
        self.entries: list[Any] = []
        self.fetches = 0
        self.answer: Answer | None = None
        self.url = ""
        self.rotate(algorithm)

    def rotate(self, algorithm: str = "EdDSA", **members: Any) -> str:
        """Sign with a new key from now on; ``members`` add to its published form."""
        self.algorithm, self.kid, self._key = algorithm, uuid4().hex, MAKE[algorithm]()
        public = get_default_algorithms()[algorithm].to_jwk(self._key.public_key(), as_dict=True)
        public.pop("key_ops", None)
        self.entries.append({"alg": algorithm, **public, "kid": self.kid, **members})
        return self.kid

    def token(self, subject: object, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token as Better Auth signs it: no ``typ``, a ``kid``, ``iss`` and ``aud``."""
        now = int(time.time())
        known = {"iss": self.url, "aud": self.url, "sub": subject, "iat": now, "exp": now + 900}
        payload = {name: v for name, v in {**known, **claims}.items() if v is not None}
        head = {"kid": self.kid, "typ": None, **(header or {})}
        return jwt.encode(payload, self._key, self.algorithm, head)

    def publish(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request for the keys."""
        self.fetches += 1
        if self.answer:
            self.answer(handler)
        else:
            send(handler, json.dumps({"keys": self.entries}).encode())


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """One whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(issuer: Issuer) -> Iterator[Issuer]:
    """Publish the keys at ``issuer.url`` + ``/api/auth/jwks``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.publish(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
