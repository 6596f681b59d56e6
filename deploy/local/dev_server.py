"""The server of ``make dev``: one uvicorn process that reloads on a change, with readable logs."""

import os

import uvicorn

from api.config import settings
from api.telemetry.logs import stdlib_config
from deploy.local.readable_logs import readable_stdout


def main() -> None:
    """Serve until SIGTERM; the current folder is the root of the repository."""
    config = settings.load()
    # A single process keeps its metrics in memory.
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    with readable_stdout():
        uvicorn.run(
            "api.main:from_environment",
            factory=True,
            reload=True,
            reload_dirs=["api", "deploy"],
            host=config.host,
            port=config.port,
            http="deploy.protocol:HttpProtocol",
            ws="none",
            access_log=False,  # the API writes a line per request itself
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            log_config=stdlib_config(config.log_level),
            log_level="warning",
        )


if __name__ == "__main__":
    main()
