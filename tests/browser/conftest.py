"""A page where front ends live, and a stack that lets it in."""

from collections.abc import Iterator

import pytest

from tests.support.command import free_port, is_free
from tests.support.frontend.chromium import Site, browser, site
from tests.support.required_tools import skip_without
from tests.support.stack.compose_stack import Stack, running_stack


@pytest.fixture(scope="package")
def page() -> Iterator[Site]:
    """A site on the port of front ends."""
    browser()
    if not is_free(3000):
        skip_without("port 3000")
    with site(3000) as made:
        yield made


@pytest.fixture(scope="package")
def stack(page: Site) -> Iterator[Stack]:
    """A stack with Better Auth that lets the page in."""
    port = f"{free_port()}"
    with running_stack(
        COMPOSE_PROFILES="auth", AUTH_PORT=port, CORS_ORIGINS=page.origin
    ) as running:
        running.compose("up", "--build", "--detach", "--wait", "auth")
        yield running
