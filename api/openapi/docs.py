"""Routes of the OpenAPI document and, outside production, of Swagger UI.

The API serves Swagger UI's assets itself: the page works offline and without a CDN.
"""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response
from starlette.routing import BaseRoute

from api.openapi import document
from api.problems.catalogue import NotFound

ASSETS = files("fastapi_swagger") / "resources"
MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}

description = APIRouter(include_in_schema=False)
page = APIRouter(include_in_schema=False)


def routes(environment: str) -> list[BaseRoute]:
    """The routes to add in this environment."""
    return [*description.routes, *(page.routes if environment != "production" else ())]


@description.get("/openapi.json")
async def show_description() -> Response:
    """The committed OpenAPI document."""
    return Response(document.text(), media_type="application/json")


@page.get("/docs")
async def show_page() -> Response:
    """Swagger UI, with relative URLs so that it works under any path prefix."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="tasks-api",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "displayRequestDuration": True},
    )


@page.get("/docs/{asset}")
async def show_asset(asset: str) -> Response:
    """One of Swagger UI's assets; raises ``NotFound`` for any other name."""
    if asset not in MEDIA_TYPES:
        raise NotFound
    return Response((ASSETS / asset).read_bytes(), media_type=MEDIA_TYPES[asset])
