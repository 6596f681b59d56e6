"""CORS: exact origins, readable errors, preflights without a token."""

import httpx2 as httpx
import pytest

from tests.support.http.client import User, check_response
from tests.support.http.server import make_settings, serve

ORIGIN = "https://app.example.com"
EXPOSED = "Link, Location, ETag, X-Request-ID, WWW-Authenticate, Retry-After, Idempotency-Replayed"


def preflight(base_url: str, origin: str, method: str, headers: str) -> httpx.Response:
    """The preflight that a browser sends before such a request."""
    response = httpx.options(
        f"{base_url}/api/alice/tasks/1",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
    )
    check_response(response)
    return response


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_preflight_allows_the_headers_of_front_ends(base_url: str, method: str) -> None:
    asked = "authorization,content-type,idempotency-key,x-request-id"
    response = preflight(base_url, ORIGIN, method, asked)

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert method in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "headers",
    [
        "authorization,if-match",
        "authorization,if-none-match",
        "authorization,baggage,sentry-trace,traceparent",
        "authorization,tracestate,traceparent",
        "authorization,cache-control",
        "authorization,x-requested-with",
    ],
)
def test_a_preflight_allows_headers_that_client_libraries_add(base_url: str, headers: str) -> None:
    assert preflight(base_url, ORIGIN, "POST", headers).status_code == 204


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://evil.example.com", "GET", "authorization"),
        ("https://app.example.com.evil.com", "GET", "authorization"),
        ("http://app.example.com", "GET", "authorization"),
        ("null", "GET", "authorization"),
        (ORIGIN, "PURGE", "authorization"),
        (ORIGIN, "GET", "x-forwarded-user"),
    ],
)
def test_preflight_of_unlisted_origin_method_or_header_is_refused(
    base_url: str, origin: str, method: str, headers: str
) -> None:
    response = preflight(base_url, origin, method, headers)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/tasks", "/tasks/9", "/nothing"])
def test_every_response_is_readable_by_the_listed_origin(alice: User, path: str) -> None:
    response = alice.get(f"/api/{alice.user_id}{path}", headers={"Origin": ORIGIN})

    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-expose-headers"] == EXPOSED
    assert "Origin" in response.headers["vary"]


def test_unlisted_origin_gets_no_cors_headers(alice: User) -> None:
    response = alice.get(alice.tasks, headers={"Origin": "https://evil.example.com"})

    assert "access-control-allow-origin" not in response.headers


def test_cookie_beside_the_token_is_ignored(alice: User) -> None:
    assert alice.get(alice.tasks, headers={"Cookie": "session=abc"}).status_code == 200


def test_without_cors_origins_no_cors_header_is_sent(database_url: str) -> None:
    with serve(make_settings(database_url=database_url)) as base:
        response = httpx.get(f"{base}/nothing", headers={"Origin": ORIGIN})

    assert not [name for name in response.headers if name.startswith(("access-control", "vary"))]
