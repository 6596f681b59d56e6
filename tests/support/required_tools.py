"""Tools that a machine may lack: a skip with a reason, or a failure with ``CI=true``."""

import os
from typing import NoReturn

import pytest


def skip_without(tool: str) -> NoReturn:
    """Skip the test because ``tool`` is missing; with ``CI=true`` fail instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing: {tool}")
    pytest.skip(f"missing: {tool}")
