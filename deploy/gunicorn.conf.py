"""gunicorn's settings, for ``make run`` and for the container alike."""

import os
import shutil
from pathlib import Path
from typing import Any

_metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _metrics and os.environ.get("METRICS_OF") != str(os.getpid()):
    # Once per master, not at a reload, which must keep its numbers; and before anything imports
    # the client, which refuses a folder that is not there.
    shutil.rmtree(_metrics, ignore_errors=True)
    Path(_metrics).mkdir(parents=True, exist_ok=True)
    os.environ["METRICS_OF"] = str(os.getpid())

from prometheus_client.multiprocess import mark_process_dead  # noqa: E402

from api.config import settings  # noqa: E402
from api.telemetry import metrics  # noqa: E402
from api.telemetry.logs import stdlib_config  # noqa: E402

_settings = settings.load()

wsgi_app = "api.main:from_environment()"
bind = f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "deploy.worker.Worker"
# Importing before the fork shares the memory and makes a new worker a matter of milliseconds.
preload_app = True
# How long an event loop may stand still; requests have their own deadline.
timeout = 30
graceful_timeout = 25
# Longer than the proxy keeps its connections, or it would reuse one that is being closed.
keepalive = 75
# A short queue: overload is answered, not hidden.
backlog = 256
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
logconfig_dict = stdlib_config(_settings.log_level)


def child_exit(_server: Any, worker: Any) -> None:
    """Take the gauges of a worker that ended out of the sums."""
    metrics.WORKER_EXITS.inc()
    if _metrics:
        mark_process_dead(worker.pid)
