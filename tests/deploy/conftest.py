"""Fixtures of several modules: a stack, and the volumes that ``deploy/prepare.py`` fills."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import prepare
from tests.support.database.migrated import folder
from tests.support.required_parts import missing
from tests.support.stack.edge import ORIGIN
from tests.support.stack.stack import LIFTED, Stack, composed
from tests.support.stack.volumes import OWNERS


@pytest.fixture(scope="package")
def lifted() -> Iterator[Stack]:
    """A stack without rate limits and with one allowed origin.

    A test that stops a service or changes the limits restores them.
    """
    with composed(limits=LIFTED, CORS_ORIGINS=ORIGIN) as running:
        yield running


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Empty volumes, and an empty folder for a given certificate."""
    if os.geteuid() != 0:
        missing("root, which may change the owner of files")
    with folder() as path:
        for name in (*OWNERS, "given"):
            (path / name).mkdir()
        monkeypatch.chdir(path)  # without a .env
        monkeypatch.setattr(prepare, "VOLUMES", path)
        monkeypatch.setattr(prepare, "GIVEN", path / "given")
        yield path
