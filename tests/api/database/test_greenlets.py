"""Synchronous work on an event loop: what it awaits, sees and raises, and who carries it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
from greenlet import getcurrent
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.util.concurrency import await_

from api.database.greenlets import Greenlets
from tests.support.database.pool import LOOPS, runner

NAME: ContextVar[str] = ContextVar("name")

Test = Callable[[Greenlets], Coroutine[Any, Any, None]]


def carried(loop: str, test: Test) -> None:
    """Run it on an event loop, and end its greenlets there."""

    async def whole() -> None:
        greenlets = Greenlets()
        await test(greenlets)
        greenlets.close()

    with runner(loop) as run:
        run(whole())


def pausing() -> Any:
    """Wait for the event loop, and say which greenlet waited."""
    await_(asyncio.sleep(0.001))
    return getcurrent()


@pytest.mark.parametrize("loop", LOOPS)
def test_work_returns_and_raises_to_whoever_awaits_it(loop: str) -> None:
    async def test(greenlets: Greenlets) -> None:
        assert await greenlets.run(lambda: await_(asyncio.sleep(0, "slept"))) == "slept"
        with pytest.raises(ZeroDivisionError):
            await greenlets.run(lambda: 1 // 0)
        with pytest.raises(TimeoutError):
            await greenlets.run(lambda: await_(asyncio.wait_for(asyncio.sleep(9), 0.001)))
        assert await greenlets.run(lambda: 1) == 1

    carried(loop, test)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_greenlet_is_used_again_but_never_twice_at_once(loop: str) -> None:
    async def test(greenlets: Greenlets) -> None:
        first = await greenlets.run(pausing)
        assert await greenlets.run(pausing) is first
        crowd = await asyncio.gather(*(greenlets.run(pausing) for _ in range(5)))
        assert len({*crowd}) == 5
        assert {*await asyncio.gather(*(greenlets.run(pausing) for _ in range(5)))} == {*crowd}

    carried(loop, test)


@pytest.mark.parametrize("loop", LOOPS)
def test_work_sees_the_context_of_its_own_task(loop: str) -> None:
    async def named(greenlets: Greenlets, name: str) -> tuple[str, str]:
        NAME.set(name)

        def work() -> str:
            await_(asyncio.sleep(0.001))
            seen = NAME.get()
            NAME.set(f"{name} changed")
            return seen

        return await greenlets.run(work), NAME.get()

    async def test(greenlets: Greenlets) -> None:
        for _ in range(2):  # with new greenlets, and with used ones
            names = ["ann", "bob", "cid"]
            seen = await asyncio.gather(*(named(greenlets, name) for name in names))
            assert seen == [(name, f"{name} changed") for name in names]

    carried(loop, test)


@pytest.mark.parametrize("loop", LOOPS)
def test_cancelled_work_is_told_and_its_greenlet_serves_on(loop: str) -> None:
    async def test(greenlets: Greenlets) -> None:
        told: list[Any] = []

        def work() -> None:
            told.append(getcurrent())
            try:
                await_(asyncio.sleep(9))
            finally:
                told.append("told")

        task = asyncio.create_task(greenlets.run(work))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told[1:] == ["told"]
        assert await greenlets.run(pausing) is told[0]

    carried(loop, test)


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_ends_the_greenlets(loop: str) -> None:
    async def test(greenlets: Greenlets) -> None:
        crowd = await asyncio.gather(*(greenlets.run(pausing) for _ in range(3)))
        greenlets.close()
        assert [each.dead for each in crowd] == [True] * 3

    carried(loop, test)


def test_outside_of_it_nothing_can_be_awaited() -> None:
    with pytest.raises(MissingGreenlet):
        await_(asyncio.sleep(0))
