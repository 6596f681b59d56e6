"""Waiting for what comes true by itself."""

import time
from collections.abc import Callable

PATIENCE = 60


def until(condition: Callable[[], bool]) -> None:
    """Ask again and again, and fail when it stays false."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
