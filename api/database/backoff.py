"""Attempts that are repeated: the pauses grow, and differ, to avoid a thundering herd."""

import asyncio
from collections.abc import Awaitable, Callable
from random import uniform
from time import monotonic
from typing import TypeVar

from api.problems.problem import Problem

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 0.5

Result = TypeVar("Result")


async def pause(seconds: float = FIRST_PAUSE_SECONDS) -> None:
    """Wait for half to all of these seconds."""
    await asyncio.sleep(uniform(seconds / 2, seconds))  # noqa: S311 -- no secret


class Backoff:
    """Pauses between attempts, doubled each time, until ``deadline`` of the monotonic clock."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._seconds = FIRST_PAUSE_SECONDS

    def is_over(self) -> bool:
        """Whether there is no time for another attempt."""
        return monotonic() + self._seconds > self._deadline

    async def pause(self) -> None:
        """Wait, the next time for longer."""
        await pause(self._seconds)
        self._seconds = min(2 * self._seconds, LONGEST_PAUSE_SECONDS)


async def retry(
    attempt: Callable[[], Awaitable[Result]],
    may_retry: Callable[[Problem], bool],
    deadline: float,
) -> Result:
    """The result of the first attempt that succeeds.

    Raises the last attempt's ``Problem`` where ``may_retry`` says no to it, or time is over.
    """
    backoff = Backoff(deadline)
    while True:
        try:
            return await attempt()
        except Problem as problem:
            if not may_retry(problem) or backoff.is_over():
                raise
        await backoff.pause()
