"""The page for people: whole without any other host, and absent in production."""

import re
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.support.http.client import check_response
from tests.support.http.server import make_settings, serve

ASSETS = {
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
    "/docs/favicon-32x32.png": "image/png",
}


@pytest.fixture
def anybody(base_url: str) -> Iterator[httpx.Client]:
    """Somebody without a token."""
    with httpx.Client(base_url=base_url, event_hooks={"response": [check_response]}) as client:
        yield client


def test_the_page_loads_these_files_and_the_description(anybody: httpx.Client) -> None:
    response = anybody.get("/docs")
    named = re.findall(r"""(?:href|src)="([^"]+)"|url: '([^']+)'""", response.text)
    urls = {response.url.join(src or url).path for src, url in named}

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert urls == {*ASSETS, "/openapi.json"}


def test_the_page_names_no_other_host(anybody: httpx.Client) -> None:
    page = anybody.get("/docs").text

    assert "//" not in re.sub("<!--.*?-->", "", page)


@pytest.mark.parametrize("path", ASSETS)
def test_a_file_of_the_page_is_served(path: str, anybody: httpx.Client) -> None:
    response = anybody.get(path)

    assert (response.status_code, response.headers["content-type"]) == (200, ASSETS[path])
    assert len(response.content) > 500


def test_the_style_sheet_loads_nothing_from_elsewhere(anybody: httpx.Client) -> None:
    style = anybody.get("/docs/swagger-ui.css").text

    assert not re.findall(r"@import|url\((?!['\"]?data:)", style)


@pytest.mark.parametrize("name", ["", "main.py", "index.html", "..%2fmain.py", "%2e%2e/main.py"])
def test_no_other_file_is_served(name: str, anybody: httpx.Client) -> None:
    response = anybody.get(f"/docs/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/docs", *ASSETS])
def test_in_production_there_is_no_page(path: str, database_url: str) -> None:
    settings = make_settings(database_url=database_url, environment="production")
    with serve(settings) as url, httpx.Client(event_hooks={"response": [check_response]}) as client:
        response = client.get(url + path)
        description = client.get(f"{url}/openapi.json")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert description.status_code == 200
