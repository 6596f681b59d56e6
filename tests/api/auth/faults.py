"""Faulty answers of an issuer; each body holds good keys where its format allows."""

import gzip
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.support.auth.issuer import send

Fault = Callable[[BaseHTTPRequestHandler, bytes], None]

MEGABYTES_10 = b" " * 10 * 2**20


def _status(status: int, **headers: str) -> Fault:
    return lambda handler, good: send(handler, good, status, **headers)


def _body(body: bytes) -> Fault:
    return lambda handler, _: send(handler, body)


def _bytes(data: bytes) -> Fault:
    """An answer of these raw bytes."""

    def answer(handler: BaseHTTPRequestHandler, good: bytes) -> None:
        handler.wfile.write(data.replace(b"GOOD", good))

    return answer


def _head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def _compressed(handler: BaseHTTPRequestHandler, good: bytes) -> None:
    send(handler, gzip.compress(good), 200, **{"Content-Encoding": "gzip"})


STATUSES = {
    **{f"{n}": _status(n) for n in (201, 401, 404, 500, 503)},
    "204": _bytes(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304": _bytes(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "429": _status(429, **{"X-Retry-After": "9"}),
    "a redirect to nowhere": _status(302, Location="http://[::1"),
    "a redirect to a file": _status(302, Location="file:///etc/passwd"),
    "a redirect in no text": _bytes(b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n"),
    "a redirect without an address": _status(302),
}
BODIES = {
    "HTML": _body(b"<!doctype html><title>Sign in</title>"),
    "nothing": _body(b""),
    "null": _body(b"null"),
    "a list": _body(b"[]"),
    "text": _body(b'"keys"'),
    "an empty object": _body(b"{}"),
    "an error": _body(b'{"code":"RATE_LIMITED","message":"Too many requests"}'),
    "null as keys": _body(b'{"keys":null}'),
    "a number as keys": _body(b'{"keys":1}'),
    "text as keys": _body(b'{"keys":"keys"}'),
    "an object as keys": _body(b'{"keys":{"a":{}}}'),
    "text among keys": _body(b'{"keys":["a"]}'),
    "an object without kty among keys": _body(b'{"keys":[{"kid":"a"}]}'),
    "half of it": lambda handler, good: send(handler, good[:-2]),
    "twice": lambda handler, good: send(handler, good + good),
    "a bare list": lambda handler, good: send(handler, good[len(b'{"keys": ') : -1]),
    "UTF-16": lambda handler, good: send(handler, good.decode().encode("utf-16")),
    "no UTF-8": lambda handler, good: send(handler, good[:-2] + b',"\xff"]}'),
    "100,000 lists": _body(b"[" * 100_000 + b"]" * 100_000),
    "compressed": _compressed,
    "10 MB": lambda handler, good: send(handler, good + MEGABYTES_10),
    "10 MB of unknown length": _bytes(b"HTTP/1.0 200 OK\r\n\r\nGOOD" + MEGABYTES_10),
}
BROKEN = {
    "closed at once": _bytes(b""),
    "closed in the head": _bytes(b"HTTP/1.1 200 OK\r\nContent-"),
    "closed in the body": _bytes(_head("Content-Length: 9999") + b"GOOD"),
    "closed in a chunk": _bytes(_head("Transfer-Encoding: chunked") + b"ffff\r\nGOOD"),
    "no chunks": _bytes(_head("Transfer-Encoding: chunked") + b"GOOD"),
    "no HTTP": _bytes(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "a negative length": _bytes(_head("Content-Length: -1") + b"GOOD"),
    "two lengths": _bytes(_head("Content-Length: 5", "Content-Length: 6") + b"GOOD"),
    "a status in words": _bytes(b"HTTP/1.1 two OK\r\n\r\nGOOD"),
    "a head without an end": _bytes(_head()[:-2] + b"X-Header: canary\r\n" * 20_000),
}
FAULTS: dict[str, Fault] = {**STATUSES, **BODIES, **BROKEN}
