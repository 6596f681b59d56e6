"""Slots for connections: first come, first served, and at most half of them for one user."""

import asyncio
from collections.abc import Callable
from time import monotonic

from api.problems.problem import Problem
from api.telemetry.stalls import SHORTEST_SECONDS as STALL_SECONDS


class Slots:
    """``size`` slots, one for each connection there may be. ``in_use`` of them are held.

    While a slot is free, only requests of users who hold half of them wait.
    """

    def __init__(self, size: int) -> None:
        self._size, self._most = size, max(1, size // 2)
        self._held: dict[str, int] = {}
        self._waiting: dict[asyncio.Future[None], str] = {}
        self.in_use = 0

    async def acquire(
        self, user_id: str, seconds: float, deadline: float, check: Callable[[], None]
    ) -> None:
        """Wait for a slot.

        ``check`` is called when ``seconds`` have passed in vain, or the monotonic clock is at
        ``deadline``; what it raises ends the wait, else it goes on at the same place.
        """
        if self._is_free_for(user_id):
            self._hold(user_id)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = user_id
        timer = _check_later(turn, seconds, deadline, check)
        try:
            await turn
        except BaseException:
            if _is_granted(turn):
                self.release(user_id)
            raise
        finally:
            timer.cancel()
            self._waiting.pop(turn, None)

    def release(self, user_id: str) -> None:
        """Give the slot to the first waiter whose user may hold it."""
        self.in_use -= 1
        if self._held[user_id] > 1:
            self._held[user_id] -= 1
        else:
            del self._held[user_id]
        for turn, waiting in self._waiting.items():
            if not turn.done() and self._is_free_for(waiting):
                self._hold(waiting)
                del self._waiting[turn]
                turn.set_result(None)
                return

    def _is_free_for(self, user_id: str) -> bool:
        return self.in_use < self._size and self._held.get(user_id, 0) < self._most

    def _hold(self, user_id: str) -> None:
        self.in_use += 1
        self._held[user_id] = self._held.get(user_id, 0) + 1


def _check_later(
    turn: asyncio.Future[None], seconds: float, deadline: float, check: Callable[[], None]
) -> asyncio.TimerHandle:
    end = monotonic() + (wait := min(seconds, deadline - monotonic()))

    def run_check() -> None:
        if turn.done():
            return
        if (late := monotonic() - end) > STALL_SECONDS:  # a slot may be released at once
            _check_later(turn, seconds, deadline + late, check)
            return
        try:
            check()
        except Problem as problem:
            turn.set_exception(problem)
        else:
            _check_later(turn, seconds, deadline, check)

    return turn.get_loop().call_later(wait, run_check)


def _is_granted(turn: asyncio.Future[None]) -> bool:
    return turn.done() and not turn.cancelled() and not turn.exception()
