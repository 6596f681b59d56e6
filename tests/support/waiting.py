"""Polling for a condition."""

import time
from collections.abc import Callable

TIMEOUT_SECONDS = 120


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds; fail after ``TIMEOUT_SECONDS``."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"the condition did not hold within {TIMEOUT_SECONDS} s"
        time.sleep(0.05)
