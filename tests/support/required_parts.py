"""Parts that a machine may lack: skipped loudly, and a failure where everything must be there."""

import os
from typing import NoReturn

import pytest


def missing(part: str) -> NoReturn:
    """Skip the test for want of ``part``; with ``CI=true`` fail instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing: {part}")
    pytest.skip(f"missing: {part}")
