"""gunicorn's settings, for ``make run`` and for the container alike."""

from pathlib import Path

from api import settings
from api.logs import stdlib_config

_settings = settings.load()

wsgi_app = "api.main:from_environment()"
bind = f"127.0.0.1:{_settings.port}"
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
