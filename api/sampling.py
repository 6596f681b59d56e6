"""What nobody asks a worker, so it says it itself: how late its timers run, what it uses."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from api import metrics

PAUSE = 0.1
STATM = Path("/proc/self/statm")


@asynccontextmanager
async def sampled() -> AsyncIterator[None]:
    """Sample in the background while the context is open."""
    task = asyncio.create_task(_sample())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _sample() -> None:
    used = 0.0
    while True:
        started = time.monotonic()
        await asyncio.sleep(PAUSE)
        metrics.LOOP_LAG.observe(max(0.0, time.monotonic() - started - PAUSE))
        metrics.MEMORY.set(_resident_bytes())
        now = time.process_time()
        metrics.CPU.inc(now - used)
        used = now


def _resident_bytes() -> int:
    """Resident memory; 0 where the system has no /proc."""
    if not STATM.exists():
        return 0
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
