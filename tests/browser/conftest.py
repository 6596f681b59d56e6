"""A page where front ends live, and a stack that lets it in."""

from collections.abc import Iterator

import pytest

from tests.support.command import free_port, is_free
from tests.support.frontend.browser import Site, browser, site
from tests.support.required_parts import missing
from tests.support.stack.stack import Stack, composed


@pytest.fixture(scope="package")
def page() -> Iterator[Site]:
    """A site on the port of front ends."""
    browser()
    if not is_free(3000):
        missing("port 3000")
    with site(3000) as made:
        yield made


@pytest.fixture(scope="package")
def stack(page: Site) -> Iterator[Stack]:
    """A stack with Better Auth that lets the page in."""
    port = f"{free_port()}"
    with composed(COMPOSE_PROFILES="auth", AUTH_PORT=port, CORS_ORIGINS=page.origin) as running:
        running.compose("up", "--build", "--detach", "--wait", "auth")
        yield running
