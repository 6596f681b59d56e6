"""Environment variables for a single test."""

from collections.abc import Callable
from pathlib import Path

import pytest

Set = Callable[..., None]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets variables of the environment; the current folder has no file of settings."""
    monkeypatch.chdir(tmp_path)

    def given(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return given
