"""CORS: exact origins, readable errors, preflights without a token."""

import httpx2 as httpx
import pytest

from tests.support.http.client import User, check_response
from tests.support.http.server import make_settings, serve

ORIGIN = "https://app.example.com"
EXPOSED = "Link, Location, X-Request-ID, WWW-Authenticate, Retry-After, Idempotency-Replayed"


def preflight(base_url: str, origin: str, method: str, headers: str) -> httpx.Response:
    """What a browser asks before it sends such a request."""
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
def test_a_preflight_allows_what_front_ends_send(base_url: str, method: str) -> None:
    asked = "authorization,content-type,idempotency-key,x-request-id"
    response = preflight(base_url, ORIGIN, method, asked)

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert method in response.headers["access-control-allow-methods"]


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
def test_any_other_preflight_is_refused(
    base_url: str, origin: str, method: str, headers: str
) -> None:
    response = preflight(base_url, origin, method, headers)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/tasks", "/tasks/9", "/nothing"])
def test_every_answer_can_be_read_by_the_listed_origin(alice: User, path: str) -> None:
    response = alice.get(f"/api/{alice.user_id}{path}", headers={"Origin": ORIGIN})

    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-expose-headers"] == EXPOSED
    assert "Origin" in response.headers["vary"]


def test_no_other_origin_can_read(alice: User) -> None:
    response = alice.get(alice.tasks, headers={"Origin": "https://evil.example.com"})

    assert "access-control-allow-origin" not in response.headers


def test_a_cookie_beside_the_token_is_no_second_credential(alice: User) -> None:
    assert alice.get(alice.tasks, headers={"Cookie": "session=abc"}).status_code == 200


def test_without_origins_there_is_no_cors(database_url: str) -> None:
    with serve(make_settings(database_url=database_url)) as base:
        response = httpx.get(f"{base}/nothing", headers={"Origin": ORIGIN})

    assert not [name for name in response.headers if name.startswith(("access-control", "vary"))]
