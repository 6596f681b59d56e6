"""The page /docs: it loads nothing from other hosts and is not served in production."""

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
def anonymous(base_url: str) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=base_url, event_hooks={"response": [check_response]}) as client:
        yield client


def test_docs_page_loads_only_its_assets_and_the_openapi_document(anonymous: httpx.Client) -> None:
    response = anonymous.get("/docs")
    named = re.findall(r"""(?:href|src)="([^"]+)"|url: '([^']+)'""", response.text)
    urls = {response.url.join(src or url).path for src, url in named}

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert urls == {*ASSETS, "/openapi.json"}


def test_docs_page_refers_to_no_other_host(anonymous: httpx.Client) -> None:
    page = anonymous.get("/docs").text

    assert "//" not in re.sub("<!--.*?-->", "", page)


@pytest.mark.parametrize("path", ASSETS)
def test_asset_of_the_docs_page_is_served(path: str, anonymous: httpx.Client) -> None:
    response = anonymous.get(path)

    assert (response.status_code, response.headers["content-type"]) == (200, ASSETS[path])
    assert len(response.content) > 500


def test_style_sheet_loads_nothing_from_other_hosts(anonymous: httpx.Client) -> None:
    style = anonymous.get("/docs/swagger-ui.css").text

    assert not re.findall(r"@import|url\((?!['\"]?data:)", style)


@pytest.mark.parametrize("name", ["", "main.py", "index.html", "..%2fmain.py", "%2e%2e/main.py"])
def test_other_files_are_not_served(name: str, anonymous: httpx.Client) -> None:
    response = anonymous.get(f"/docs/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/docs", *ASSETS])
def test_docs_page_is_not_served_in_production(path: str, database_url: str) -> None:
    settings = make_settings(database_url=database_url, environment="production")
    with serve(settings) as url, httpx.Client(event_hooks={"response": [check_response]}) as client:
        response = client.get(url + path)
        description = client.get(f"{url}/openapi.json")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert description.status_code == 200
