"""Responses of every path: methods, unknown routes, oversized bodies, unhandled errors."""

import socket
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

import httpx2 as httpx
import psycopg2
import pytest
from starlette.requests import Request
from starlette.routing import Route

from tests.support.database.embedded_postgres import migrated_postgres
from tests.support.http.client import User, check_response
from tests.support.http.server import make_settings, serve

COLLECTION = "GET, HEAD, OPTIONS, POST"
ITEM = "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
SECRET_TITLE = "a private title"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "", COLLECTION),
        ("PUT", "/", COLLECTION),
        ("POST", "/1", ITEM),
        ("GET", "/1/complete", "OPTIONS, PATCH"),
        ("HEAD", "/1/complete", "OPTIONS, PATCH"),
        ("PURGE", "/1", ITEM),
        ("PUT", "/trash", "GET, HEAD, OPTIONS"),
        ("DELETE", "/trash", "GET, HEAD, OPTIONS"),
        ("PUT", "/trash/1", "DELETE, OPTIONS"),
        ("GET", "/1/restore", "OPTIONS, POST"),
    ],
)
def test_wrong_method_gets_405_with_all_allowed_methods(
    alice: User, method: str, path: str, allow: str
) -> None:
    response = alice.request(method, f"{alice.tasks}{path}")

    assert response.status_code == 405
    assert response.headers["allow"] == allow
    assert method == "HEAD" or response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(("path", "allow"), [("", COLLECTION), ("/", COLLECTION), ("/1", ITEM)])
def test_options_needs_no_token(alice: User, path: str, allow: str) -> None:
    response = alice.options(f"{alice.tasks}{path}", headers={"Authorization": ""})

    assert (response.status_code, response.headers["allow"]) == (204, allow)


@pytest.mark.parametrize("path", ["", "/", "?limit=1"])
def test_head_has_the_headers_of_get_and_no_body(alice: User, path: str) -> None:
    alice.add()
    alice.add()
    head, get = (alice.request(method, f"{alice.tasks}{path}") for method in ("HEAD", "GET"))

    varying = {"date", "x-request-id", "server-timing"}
    kept = [{n: v for n, v in r.headers.items() if n not in varying} for r in (head, get)]
    assert (head.status_code, head.content) == (200, b"")
    assert kept[0] == kept[1]


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/startupz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_return_200(base_url: str, path: str, method: str) -> None:
    response = httpx.request(method, f"{base_url}{path}")

    check_response(response)
    assert response.status_code == 200
    assert method == "HEAD" or response.json()["status"] == "pass"


@pytest.mark.parametrize("path", ["/", "/api", "/api/", "/livez/", "/metrics/", "/api/x/tasks/1/"])
def test_unknown_path_gets_404(base_url: str, path: str) -> None:
    response = httpx.get(f"{base_url}{path}")

    check_response(response)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_body_of_exactly_the_size_limit_is_accepted(alice: User) -> None:
    body = b'{"title":"x"}'.ljust(65536)
    headers = {"Content-Type": "application/json"}

    assert alice.post(alice.tasks, content=body, headers=headers).status_code == 201
    assert alice.post(alice.tasks, content=body + b" ", headers=headers).status_code == 413


def test_chunked_body_over_the_size_limit_gets_413(alice: User) -> None:
    headers = {"Content-Type": "application/json"}
    response = alice.post(alice.tasks, content=iter([b" " * 40000] * 2), headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_stalled_body_gets_408(database_url: str) -> None:
    names = ("pool_wait", "statement_timeout", "database_deadline", "connect_deadline")
    limits = {f"{name}_seconds": 0.2 for name in (*names, "request_deadline")}
    with (
        serve(make_settings(database_url=database_url, **limits)) as base,
        User(base, "slow") as user,
    ):
        host, _, port = base.removeprefix("http://").partition(":")
        head = f"POST {user.tasks} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n"
        head += "Content-Type: application/json\r\n"
        head += f"Authorization: {user.headers['authorization']}\r\n\r\n{{"
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head.encode())
            with connection.makefile("rb") as stream:
                answer = stream.read()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"invalid_request"' in answer


@pytest.fixture
def crashing(database_url: str) -> Iterator[httpx.Client]:
    """A client of an API with a route that raises an error."""

    def crash(_request: Request) -> NoReturn:
        local = SECRET_TITLE
        raise RuntimeError(local[:0] + "an error")

    settings = make_settings(database_url=database_url, cors_origins="https://app.example.com")
    with (
        serve(settings, Route("/crash", crash)) as base,
        httpx.Client(base_url=base, event_hooks={"response": [check_response]}) as client,
    ):
        yield client


def test_unhandled_error_is_a_500_with_cors_headers(crashing: httpx.Client) -> None:
    response = crashing.get("/crash", headers={"Origin": "https://app.example.com"})

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert response.headers["access-control-allow-origin"] == "https://app.example.com"
    assert crashing.get("/livez").status_code == 200


def test_unhandled_error_is_logged_with_a_traceback_without_locals(
    crashing: httpx.Client, log: BinaryIO
) -> None:
    log.read()
    crashing.get("/crash")
    written = log.read()

    assert b'"event":"crash"' in written
    assert b'"exc_type":"RuntimeError"' in written
    assert SECRET_TITLE.encode() not in written


def test_unexpected_database_error_does_not_quote_values(log: BinaryIO) -> None:
    with migrated_postgres() as url, serve(make_settings(database_url=url)) as base:
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute("ALTER TABLE task ADD CHECK (title <> %s)", [SECRET_TITLE])
        connection.close()
        with User(base, "alice") as alice:
            response = alice.post(alice.tasks, json={"title": SECRET_TITLE})

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert b"CheckViolation 23514" in (written := log.read())
    assert SECRET_TITLE not in f"{response.text}{written!r}"
