"""Fixtures of several modules: a stack, and the volumes that ``deploy/prepare.py`` fills."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import prepare
from tests.deploy.edge_client import ORIGIN
from tests.deploy.volumes import OWNERS
from tests.support.database.embedded_postgres import readable_folder
from tests.support.required_tools import skip_without
from tests.support.stack.compose_stack import NO_LIMITS, Stack, running_stack


@pytest.fixture(scope="package")
def lifted() -> Iterator[Stack]:
    """A stack without rate limits and with one allowed origin; its pool is patient.

    A test that stops a service or changes the limits restores them.
    """
    with running_stack(NO_LIMITS, CORS_ORIGINS=ORIGIN, POOL_WAIT_SECONDS="5") as running:
        yield running


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """A stack with default settings except its ports; ``test_compose_outage`` takes it down."""
    with running_stack() as running:
        yield running


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Empty volumes, and an empty folder for a given certificate."""
    if os.geteuid() != 0:
        skip_without("root, which may change the owner of files")
    with readable_folder() as path:
        for name in (*OWNERS, "given/certs"):
            (path / name).mkdir(parents=True)
        monkeypatch.chdir(path)  # without a .env
        monkeypatch.setattr(prepare, "VOLUMES", path)
        monkeypatch.setattr(prepare, "GIVEN", path / "given")
        yield path
