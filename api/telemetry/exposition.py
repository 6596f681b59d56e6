"""``GET /metrics``: the sum over all workers, in Prometheus' text format."""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

from api.telemetry.metric_files import locked

router = APIRouter(include_in_schema=False)
one_at_a_time = CapacityLimiter(1)
merge: Any = MultiProcessCollector.merge


@router.get("/metrics")
async def show_metrics() -> Response:
    """All metrics, rendered in a thread, one scrape at a time, so that requests do not wait."""
    text = await anyio.to_thread.run_sync(_render, limiter=one_at_a_time)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _render() -> bytes:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(_Workers(Path(folder)))
    with locked(Path(folder), fcntl.LOCK_SH):
        return generate_latest(registry)


class _Workers:
    """The metric files of all workers, except files that a killed worker left incomplete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Any]:
        files = [str(file) for file in self._folder.glob("*.db")]
        try:
            merged: Iterable[Any] = merge(files)
        except Exception:  # noqa: BLE001, an incomplete file can raise anything
            merged = merge([file for file in files if _is_complete(file)])
        return merged


def _is_complete(file: str) -> bool:
    try:
        merge([file])
    except Exception:  # noqa: BLE001, as above
        return False
    return True
