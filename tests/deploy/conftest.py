"""What several tests of serving start from: a stack, and the volumes of one."""

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
    """A stack without limits in the way and with one allowed origin.

    Whoever stops a part of it or sets limits puts that right again.
    """
    with composed(limits=LIFTED, CORS_ORIGINS=ORIGIN) as running:
        yield running


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Empty volumes, and a folder where nobody gave a certificate."""
    if os.geteuid() != 0:
        missing("root, who alone may give files away")
    with folder() as path:
        for name in (*OWNERS, "given"):
            (path / name).mkdir()
        monkeypatch.chdir(path)  # where no .env is
        monkeypatch.setattr(prepare, "VOLUMES", path)
        monkeypatch.setattr(prepare, "GIVEN", path / "given")
        yield path
