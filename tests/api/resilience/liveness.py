"""Whether the process goes on to say that it lives, while its database does not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2 as httpx

PAUSE, LIVE_SECONDS = 0.02, 0.05


@contextmanager
def alive(base: str) -> Iterator[list[float]]:
    """How fast it says so meanwhile."""
    done = threading.Event()
    seconds: list[float] = []

    def ask() -> None:
        with httpx.Client(base_url=base) as probe:
            while not done.wait(PAUSE):
                response = probe.get("/livez")
                assert response.status_code == 200
                seconds.append(response.elapsed.total_seconds())

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield seconds
        finally:
            done.set()
        asking.result()


def check_alive(seconds: list[float]) -> None:
    """At once for most of the time: now and then the machine of a test is busy."""
    blocked = sum(each for each in seconds if each >= LIVE_SECONDS)
    assert len(seconds) > 2
    assert blocked < 0.75 * (sum(seconds) + PAUSE * len(seconds))
