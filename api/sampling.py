"""What nobody asks a worker, so it says it itself: how late its timers run, and what it uses."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from api import metrics
from api.database.engine import Database
from api.settings import Settings
from api.shedding import Load

PAUSE = 0.1
STATM = Path("/proc/self/statm")
DESCRIPTORS = Path("/proc/self/fd")


@asynccontextmanager
async def sampled(settings: Settings, load: Load, database: Database) -> AsyncIterator[None]:
    """Say what there is, and sample in the background what of it is used."""
    metrics.WORKERS.set(1)
    metrics.IN_FLIGHT_LIMIT.set(settings.max_in_flight)
    metrics.POOL_SIZE.set(settings.pool_size)
    task = asyncio.create_task(_sample(load, database))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _sample(load: Load, database: Database) -> None:
    used = 0.0
    while True:
        started = time.monotonic()
        await asyncio.sleep(PAUSE)
        metrics.LOOP_LAG.observe(max(0.0, time.monotonic() - started - PAUSE))
        metrics.IN_FLIGHT.set(load.in_flight)
        metrics.POOL_USED.set(database.in_use())
        metrics.FAILURES.set(database.failures)
        # Without a free descriptor nothing of this can be read; later it can, and must be.
        with suppress(OSError):
            _read_system()
        now = time.process_time()
        metrics.CPU.inc(now - used)
        used = now


def _read_system() -> None:
    metrics.OPEN_FILES.set(_open_files())
    metrics.MEMORY.set(_resident_bytes())
    metrics.METRICS_FOLDER.set(_metrics_folder_ratio())


def _resident_bytes() -> int:
    """Resident memory; 0 where the system has no /proc."""
    if not STATM.exists():
        return 0
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> int:
    return sum(1 for _ in DESCRIPTORS.iterdir()) if DESCRIPTORS.exists() else 0


def _metrics_folder_ratio() -> float:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return 0.0
    space = shutil.disk_usage(folder)
    return space.used / space.total
