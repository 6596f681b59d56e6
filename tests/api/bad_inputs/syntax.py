"""Bytes that are not an HTTP/1.1 request, or an ambiguous one."""

from tests.api.bad_inputs import ALL, AUTHORIZED, JSON, get
from tests.support.http.raw_http import request

TASK = b'{"title":"a"}'


def head(*lines: str, end: str = "\r\n") -> bytes:
    """These header lines unchanged, then the empty line."""
    return end.join([*lines, "", ""]).encode("latin-1")


def sized(*lines: str, body: bytes = TASK) -> bytes:
    """A create with these header lines about its length."""
    return request("POST", ALL, AUTHORIZED, JSON, *lines) + body


def chunked(body: bytes) -> bytes:
    """A create with these bytes as chunked body."""
    return sized("Transfer-Encoding: chunked", body=body)


HOST = "Host: tasks.example"
LINE = f"GET {ALL} HTTP/1.1"
LINES: dict[str, bytes] = {
    "lower case": head(f"get {ALL} HTTP/1.1", HOST, AUTHORIZED),
    "an unknown method": head(f"CANARY {ALL} HTTP/1.1", HOST, AUTHORIZED),
    "no method": head(f"{ALL} HTTP/1.1", HOST, AUTHORIZED),
    "a method with a space in front": head(f" {LINE}", HOST, AUTHORIZED),
    "a method with NUL": head(f"GET\0 {ALL} HTTP/1.1", HOST, AUTHORIZED),
    "CONNECT to a host": head("CONNECT tasks.example:443 HTTP/1.1", HOST, AUTHORIZED),
    "no target": head("GET  HTTP/1.1", HOST, AUTHORIZED),
    "a target without a slash": head(f"GET {ALL[1:]} HTTP/1.1", HOST, AUTHORIZED),
    "a host and port as target": head("GET tasks.example:443 HTTP/1.1", HOST, AUTHORIZED),
    "a broken absolute target": head("GET http:// HTTP/1.1", HOST, AUTHORIZED),
    "a space in the target": head(f"GET {ALL}/1 2 HTTP/1.1", HOST, AUTHORIZED),
    "NUL in the target": head(f"GET {ALL}/\0 HTTP/1.1", HOST, AUTHORIZED),
    "a byte in the target that is not ASCII": head(f"GET {ALL}/\xff HTTP/1.1", HOST, AUTHORIZED),
    "a carriage return in the target": head(f"GET {ALL}\r/1 HTTP/1.1", HOST, AUTHORIZED),
    "a tab for a space": head(f"GET\t{ALL}\tHTTP/1.1", HOST, AUTHORIZED),
    "HTTP/1.2": head(f"GET {ALL} HTTP/1.2", HOST, AUTHORIZED),
    "HTTP/3.0": head(f"GET {ALL} HTTP/3.0", HOST, AUTHORIZED),
    "HTTP/11.1": head(f"GET {ALL} HTTP/11.1", HOST, AUTHORIZED),
    "a lower-case version": head(f"GET {ALL} http/1.1", HOST, AUTHORIZED),
    "another protocol's version": head(f"GET {ALL} HTTQ/1.1", HOST, AUTHORIZED),
    "something after the version": head(f"{LINE} canary", HOST, AUTHORIZED),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 32,
    "SSH": b"SSH-2.0-OpenSSH_9.9\r\n",
    "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "zeros": b"\0" * 1000,
    "ones": b"\xff" * 1000,
}
HEADERS: dict[str, bytes] = {
    "no colon": head(LINE, HOST, AUTHORIZED, "canary"),
    "no name": head(LINE, HOST, AUTHORIZED, ": canary"),
    "a space in a name": head(LINE, HOST, AUTHORIZED, "a b: canary"),
    "a space before the colon": head(LINE, HOST, AUTHORIZED, "Content-Length : 0"),
    "a name that is not ASCII": head(LINE, HOST, AUTHORIZED, "caf\xe9: canary"),
    "NUL in a name": head(LINE, HOST, AUTHORIZED, "a\0b: canary"),
    "NUL in a value": head(LINE, HOST, AUTHORIZED, "a: b\0canary"),
    "NUL in a token": head(LINE, HOST, f"{AUTHORIZED}\0"),
    "a delete character in a value": head(LINE, HOST, AUTHORIZED, "a: \x7f"),
    "a carriage return in a value": head(LINE, HOST, AUTHORIZED, "a: b\rSet-Cookie: canary"),
    "a folded value": head(LINE, HOST, AUTHORIZED, "a: b", " canary"),
    "a folded token": head(LINE, HOST, AUTHORIZED.replace("Bearer ", "Bearer\r\n ")),
    "a space before the first header": head(LINE, f" {HOST}", AUTHORIZED),
    "newlines alone": head(LINE, HOST, AUTHORIZED, end="\n"),
    "carriage returns alone": head(LINE, HOST, AUTHORIZED, end="\r"),
    "no host": head(LINE, AUTHORIZED),
    "two hosts": get(ALL, "Host: canary.example"),
}
LENGTHS: dict[str, bytes] = {
    "a word": sized("Content-Length: canary"),
    "nothing": sized("Content-Length:"),
    "negative": sized("Content-Length: -1"),
    "a plus": sized("Content-Length: +13"),
    "a fraction": sized("Content-Length: 13.0"),
    "hexadecimal": sized("Content-Length: 0xd"),
    "a space in it": sized("Content-Length: 1 3"),
    "a list": sized("Content-Length: 13, 13"),
    "2^64": sized(f"Content-Length: {2**64}"),
    "10^5000": sized(f"Content-Length: 1{'0' * 5000}"),
    "two": sized("Content-Length: 13", "Content-Length: 5"),
    "the same twice": sized("Content-Length: 13", "Content-Length: 13"),
    "and chunks": sized("Content-Length: 13", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunks and": sized("Transfer-Encoding: chunked", "Content-Length: 13", body=b"0\r\n\r\n"),
}
CODINGS: dict[str, bytes] = {
    "unknown": sized("Transfer-Encoding: canary"),
    "gzip": sized("Transfer-Encoding: gzip"),
    "chunked and then gzip": sized("Transfer-Encoding: chunked, gzip"),
    "almost chunked": sized("Transfer-Encoding: xchunked"),
    "identity": sized("Transfer-Encoding: identity"),
    "chunked twice": sized("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "two headers": sized(*["Transfer-Encoding: chunked"] * 2, body=b"0\r\n\r\n"),
    "empty": sized("Transfer-Encoding:"),
    "a newline in a chunk's extension": chunked(b'd;a\nb\r\n{"title":"a"}\r\n0\r\n\r\n'),
    "a chunk of no size": chunked(b"\r\n{}\r\n0\r\n\r\n"),
    "a chunk size that is no number": chunked(b"canary\r\n"),
    "a negative chunk size": chunked(b"-1\r\n{}\r\n0\r\n\r\n"),
    "a chunk size of 2^64": chunked(b"10000000000000000\r\n{}"),
    "a chunk longer than it says": chunked(b'2\r\n{"title":"a"}\r\n0\r\n\r\n'),
    "chunks without carriage returns": chunked(b'd\n{"title":"a"}\n0\n\n'),
    "a bad trailer": chunked(b'd\r\n{"title":"a"}\r\n0\r\na b: c\r\n\r\n'),
}
MALFORMED = {
    **LINES,
    **{f"header: {name}": sent for name, sent in HEADERS.items()},
    **{f"length: {name}": sent for name, sent in LENGTHS.items()},
    **{f"coding: {name}": sent for name, sent in CODINGS.items()},
}
