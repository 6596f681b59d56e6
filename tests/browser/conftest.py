"""A web page on port 3000, and a stack whose CORS settings list its origin."""

from collections.abc import Iterator

import pytest

from tests.support.command import free_port, is_free
from tests.support.frontend.chromium import Site, browser, site
from tests.support.required_tools import skip_without
from tests.support.stack.compose_stack import Stack, running_stack


@pytest.fixture(scope="package")
def page() -> Iterator[Site]:
    """A web server on port 3000, the usual port of front ends in development."""
    browser()
    if not is_free(3000):
        skip_without("port 3000")
    with site(3000) as made:
        yield made


@pytest.fixture(scope="package")
def stack(page: Site) -> Iterator[Stack]:
    """A stack with Better Auth that lists the page's origin."""
    port = f"{free_port()}"
    with running_stack(
        COMPOSE_PROFILES="auth", AUTH_PORT=port, CORS_ORIGINS=page.origin
    ) as running:
        running.compose("up", "--build", "--detach", "--wait", "auth")
        yield running
