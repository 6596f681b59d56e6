"""Requests that nginx rejects itself: the bytes sent, the expected status and code."""

from tests.deploy.edge_client import request

TASKS = "/api/alice/tasks"
BATCH = f"{TASKS}/batch"
CHUNK = b"11171\r\n" + b"a" * 70_001 + b"\r\n0\r\n\r\n"
AFTER_HEADERS = {
    "no such path": (request("GET", "/metrics"), 404, "not_found"),
    "no such path, disguised": (request("GET", "//metrics"), 404, "not_found"),
    "a body for a probe": (request("GET", "/livez", "Content-Length: 9"), 413, "body_too_large"),
    "an announced long body": (
        request("POST", TASKS, "Content-Length: 70000"),
        413,
        "body_too_large",
    ),
    "an announced long batch": (
        request("POST", BATCH, f"Content-Length: {2**20 + 1}"),
        413,
        "body_too_large",
    ),
    "a long body in chunks": (
        request("POST", TASKS, "Transfer-Encoding: chunked") + CHUNK,
        413,
        "body_too_large",
    ),
    "a header of 40 kB": (request("GET", "/", f"X: {'a' * 40_000}"), 431, "headers_too_large"),
    "a header of 9 kB": (request("GET", "/", f"X: {'a' * 9000}"), 431, "headers_too_large"),
    "an unknown coding": (request("POST", "/", "Transfer-Encoding: x"), 400, "invalid_request"),
    "TRACE": (request("TRACE", "/"), 405, "method_not_allowed"),
}
BEFORE_HEADERS = {
    "garbage": (b"\x00\xff\r\n\r\n", 400, "invalid_request"),
    "no version": (b"GET / \x01\r\n\r\n", 400, "invalid_request"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "invalid_request"),
    "a bad host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "invalid_request"),
    "a long target": (request("GET", "/" + "a" * 9000), 414, "uri_too_long"),
    "another version": (b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 400, "invalid_request"),
}
