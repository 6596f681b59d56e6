"""The API on a real socket, in a thread of the test process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.routing import BaseRoute

from api.config.settings import Settings
from api.main import create_app
from deploy.protocol import HttpProtocol

SECRET = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ"


def make_settings(**values: Any) -> Settings:
    """Settings of these values alone: neither the environment nor a file speaks."""
    return Settings(_env_file=None, **{"better_auth_secret": SECRET, **values})


@contextmanager
def serve(settings: Settings, *more: BaseRoute) -> Iterator[str]:
    """Run the API, and any routes ``more``, as a worker does, and give its base URL."""
    app = create_app(settings)
    app.router.routes.extend(more)
    config = uvicorn.Config(
        app,
        port=0,
        http=HttpProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
