"""HTTP as bytes on a socket, for requests that an HTTP client would refuse or correct."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPMessage, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.http.client import LEAKS, MEMBERS

TIMEOUT_SECONDS = 30
CANARY = "canary"  # stands in what is sent, and may stand in no answer


class RawResponse(NamedTuple):
    """One answer; ``problem`` is its document, empty for an answer to HEAD."""

    status: int
    headers: HTTPMessage
    problem: dict[str, Any]


def request(method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    """A request of these header lines, each character one byte; a body brings its length along."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} {target} HTTP/1.1", "Host: tasks.example", *lines, *length, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def refusal(base_url: str, sent: bytes) -> RawResponse:
    """Send these bytes, and check the shape of the refusal that comes back (RFC 9457)."""
    with _answering(base_url, sent) as response:
        text = response.read().decode()
    assert response.status >= 400, f"{response.status} {text}"
    _check_headers(response)
    problem = {} if sent.startswith(b"HEAD ") else _document(response, text)
    return RawResponse(response.status, response.headers, problem)


def status_of(base_url: str, sent: bytes) -> int:
    """Send these bytes, and give the status of the first answer."""
    with _answering(base_url, sent) as response:
        return response.status


@contextmanager
def _answering(base_url: str, sent: bytes) -> Iterator[HTTPResponse]:
    address = urlsplit(base_url)
    method = "HEAD" if sent.startswith(b"HEAD ") else None
    with socket.create_connection((address.hostname, address.port), TIMEOUT_SECONDS) as link:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all said
            link.sendall(sent)
        with HTTPResponse(link, method=method) as response:
            response.begin()
            yield response


def _check_headers(response: HTTPResponse) -> None:
    headers = response.headers
    once = ("content-type", "x-request-id", "cache-control", "x-content-type-options")
    assert all(len(headers.get_all(name, [])) == 1 for name in once), headers
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert CANARY not in str(headers).lower()


def _document(response: HTTPResponse, text: str) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(text)
    assert not any(word in text for word in (*LEAKS, CANARY)), text
    assert set(problem) - {"errors"} == MEMBERS
    assert problem["status"] == response.status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert isinstance(problem["detail"], str)
    of_a_batch = problem["code"] in {"task_not_found", "version_mismatch"}
    assert ("errors" in problem) == (problem["status"] == 422) or of_a_batch
    for error in problem.get("errors", []):
        assert set(error) == {"loc", "code", "message"}
        assert isinstance(error["loc"], list)
    return problem
