"""Runtime metrics that each worker reports: event loop lag, CPU time, memory and gauges."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from prometheus_client import Gauge

from api.config.settings import Settings
from api.telemetry import metrics, stalls

INTERVAL_SECONDS = 0.1
STATM = Path("/proc/self/statm")
DESCRIPTORS = Path("/proc/self/fd")


@asynccontextmanager
async def reported(
    settings: Settings, gauges: Mapping[Gauge, Callable[[], float]]
) -> AsyncIterator[None]:
    """Report the limits once, and in the background ten times per second what ``gauges`` return."""
    metrics.WORKERS.set(1)
    metrics.IN_FLIGHT_LIMIT.set(settings.max_in_flight)
    metrics.POOL_SIZE.set(settings.pool_size)
    task = asyncio.create_task(_report(gauges))
    try:
        yield
    finally:
        task.cancel()
        stalls.clock.stop()
        await asyncio.gather(task, return_exceptions=True)


async def _report(gauges: Mapping[Gauge, Callable[[], float]]) -> None:
    cpu_seconds = 0.0
    while True:
        started = time.monotonic()
        stalls.clock.tick()
        await asyncio.sleep(INTERVAL_SECONDS)
        metrics.EVENT_LOOP_LAG.observe(max(0.0, time.monotonic() - started - INTERVAL_SECONDS))
        for gauge, read in gauges.items():
            gauge.set(read())
        # Reading /proc needs a free file descriptor; without one, try again next time.
        with suppress(OSError):
            _read_system()
        now = time.process_time()
        metrics.CPU_SECONDS.inc(now - cpu_seconds)
        cpu_seconds = now


def _read_system() -> None:
    metrics.OPEN_FILES.set(_open_files())
    metrics.MEMORY_BYTES.set(_resident_bytes())
    metrics.METRICS_DIRECTORY_USED.set(_metrics_directory_used_ratio())


def _resident_bytes() -> int:
    """Resident memory; 0 where the system has no /proc."""
    if not STATM.exists():
        return 0
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> int:
    return sum(1 for _ in DESCRIPTORS.iterdir()) if DESCRIPTORS.exists() else 0


def _metrics_directory_used_ratio() -> float:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return 0.0
    space = shutil.disk_usage(folder)
    return space.used / space.total
