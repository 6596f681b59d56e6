"""gunicorn's settings, for ``make run`` and for the container."""

import os
import shutil
from pathlib import Path
from typing import Any

_metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _metrics and os.environ.get("METRICS_OF") != str(os.getpid()):
    # Once per master, not at a reload, which must keep the counters; and before prometheus_client
    # is imported, which fails when the directory does not exist.
    shutil.rmtree(_metrics, ignore_errors=True)
    Path(_metrics).mkdir(parents=True, exist_ok=True)
    os.environ["METRICS_OF"] = str(os.getpid())

from prometheus_client.multiprocess import mark_process_dead  # noqa: E402

from api.config import settings  # noqa: E402
from api.telemetry import metric_files  # noqa: E402

metric_files.install()

from api.telemetry import metrics  # noqa: E402
from api.telemetry.logs import stdlib_config  # noqa: E402
from deploy import allocator  # noqa: E402

allocator.return_large_blocks()
_settings = settings.load()

wsgi_app = "api.main:from_environment()"
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = _settings.workers
worker_class = "deploy.worker.Worker"
# Importing before the fork shares memory and starts a new worker in milliseconds.
preload_app = True
# The longest time an event loop may block; requests have their own deadline.
timeout = 30
graceful_timeout = 25
# Longer than nginx keeps idle connections, or nginx could reuse one that is being closed.
keepalive = 75
# A short queue, so that overload is answered with 503 instead of waiting.
backlog = 256
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
logconfig_dict = stdlib_config(_settings.log_level)


def child_exit(server: Any, worker: Any) -> None:
    """Remove the gauges of a worker that exited, and keep its counters in the archive."""
    metrics.WORKER_EXITS.inc()
    if _metrics:
        mark_process_dead(worker.pid)
        metric_files.archive(Path(_metrics), {server.pid, *server.WORKERS})
