"""A token issuer on loopback that signs, publishes and rotates keys, and fails on request."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.support.auth.jws import compact, public_jwk, sign_with_key

JWKS = "/api/auth/jwks"
GENERATE_KEY: dict[str, Callable[[], Any]] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "RS512": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}
Answer = Callable[[BaseHTTPRequestHandler], None]


class Issuer:
    """``answer``, when set, replaces the key set; ``paths`` are those it was asked for, in order.

    ``keys`` are an algorithm and a private key by ``kid``; the newest, ``kid``, signs.
    """

    def __init__(self, algorithm: str = "EdDSA") -> None:
        self.entries: list[Any] = []
        self.keys: dict[str, tuple[str, Any]] = {}
        self.paths: list[str] = []
        self.connections = self.port = 0
        self.answer: Answer | None = None
        self.rotate(algorithm)

    @property
    def url(self) -> str:
        """The issuer's name, and where it listens while it does."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def jwks_url(self) -> str:
        """Where it publishes its keys."""
        return self.url + JWKS

    @property
    def fetches(self) -> int:
        """How often it was asked for its keys."""
        return len(self.paths)

    @property
    def document(self) -> bytes:
        """The key set."""
        return json.dumps({"keys": self.entries}).encode()

    def rotate(self, algorithm: str = "EdDSA", **members: Any) -> str:
        """Sign with a new key from now on; ``members`` of its entry replace others, None: drop."""
        kid, key = uuid4().hex, GENERATE_KEY[algorithm]()
        self.keys[kid] = (algorithm, key)
        entry = {"alg": algorithm, **public_jwk(algorithm, key), "kid": kid, **members}
        self.entries = [*self.entries, {n: v for n, v in entry.items() if v is not None}]
        self.kid = kid  # last, so that a key that signs is already published
        return kid

    def unpublished_kid(self, kid: str) -> dict[str, str]:
        """A header for ``token``: the newest key under a key id that is not published."""
        self.keys[kid] = self.keys[self.kid]
        return {"kid": kid}

    def claims(self, subject: object, **changes: Any) -> dict[str, Any]:
        """What an access token says; a change to None leaves a claim out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": self.url, "sub": subject, "iat": now, "exp": now + 900}
        return {name: v for name, v in {**usual, **changes}.items() if v is not None}

    def token(self, subject: object, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token as Better Auth signs it: no ``typ``, a ``kid``, ``iss`` and ``aud``.

        A ``kid`` in the header chooses the key.
        """
        head = {"kid": self.kid, **(header or {})}
        algorithm, key = self.keys[head["kid"]]
        payload = self.claims(subject, **claims)
        return compact({"alg": algorithm, **head}, payload, sign_with_key(algorithm, key))

    def publish(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request for the keys."""
        self.paths.append(handler.path)
        if self.answer:
            self.answer(handler)
        else:
            send(handler, self.document)


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """One whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(issuer: Issuer, tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """Publish the keys at ``issuer.jwks_url``; a second time at the same address."""

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            issuer.connections += 1
            super().setup()

        def handle(self) -> None:
            with suppress(ConnectionError):  # the API hangs up on an answer it does not want
                super().handle()

        def do_GET(self) -> None:
            issuer.publish(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", issuer.port), Handler) as server:
        issuer.port = server.server_port
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
