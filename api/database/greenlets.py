"""Synchronous code that awaits: SQLAlchemy's bridge, over greenlets that are used again.

A greenlet costs little to switch to and much to begin: Python maps memory for its stack, touches it
and unmaps it. SQLAlchemy begins one per call, which is a third of what a message costs here.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from greenlet import getcurrent, greenlet


class Outcome(NamedTuple):
    """What a function returned, or raised."""

    value: Any
    error: BaseException | None


class Carrier(greenlet):
    """Runs one function after the other; its parent gets what they await, and their outcome."""

    __sqlalchemy_greenlet_provider__ = True  # what ``await_`` asks of the greenlet it is called in

    def run(self, work: Callable[[], Any]) -> None:
        while self.parent:
            work = self.parent.switch(_outcome(work))


class Greenlets:
    """Carriers of one event loop, as many as ever ran at once."""

    def __init__(self) -> None:
        self._idle: list[Carrier] = []

    async def run(self, work: Callable[[], Any]) -> Any:
        """What ``work`` returns or raises; it may call SQLAlchemy's ``await_``."""
        carrier = self._idle.pop() if self._idle else Carrier()
        carrier.gr_context = getcurrent().gr_context
        told = carrier.switch(work)
        while not isinstance(told, Outcome):
            try:
                answer = await told
            except BaseException:  # noqa: BLE001, ``work`` sees it, also when it is cancelled
                told = carrier.throw(*sys.exc_info())
            else:
                told = carrier.switch(answer)
        self._idle.append(carrier)
        value, error = told
        if error is None:
            return value
        try:
            raise error
        finally:
            del told, error  # or the error's traceback, this frame and the error keep each other

    def close(self) -> None:
        """End them, in the thread that they live in."""
        while self._idle:
            self._idle.pop().throw()


def _outcome(work: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(work(), None)
    except BaseException as error:  # noqa: BLE001, it is raised where the outcome is awaited
        return Outcome(None, error)
