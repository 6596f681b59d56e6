"""Who may use a connection next: first come, first served, and no user more than half of them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from time import monotonic


class Slots:
    """``size`` slots, one for each connection there may be. ``in_use`` of them are held.

    While a slot is free, only users who hold half of them wait.
    """

    def __init__(self, size: int) -> None:
        self._size, self._most = size, max(1, size // 2)
        self._held: Counter[str] = Counter()
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
        try:
            while not turn.done():
                await asyncio.wait([turn], timeout=min(seconds, deadline - monotonic()))
                if not turn.done():
                    check()
        except BaseException:
            if turn.done():
                self.release(user_id)
            raise
        finally:
            self._waiting.pop(turn, None)

    def release(self, user_id: str) -> None:
        """Give the slot to the first who waits and may have it."""
        self.in_use -= 1
        self._held[user_id] -= 1
        if not self._held[user_id]:
            del self._held[user_id]
        for turn, waiting in self._waiting.items():
            if self._is_free_for(waiting):
                self._hold(waiting)
                del self._waiting[turn]
                turn.set_result(None)
                return

    def _is_free_for(self, user_id: str) -> bool:
        return self.in_use < self._size and self._held[user_id] < self._most

    def _hold(self, user_id: str) -> None:
        self.in_use += 1
        self._held[user_id] += 1
