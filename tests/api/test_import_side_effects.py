"""Import before the fork opens nothing that two processes would share."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import ROOT
from tests.support.http.server import SECRET

LOADED = """
import json, os, sys, threading
from api.main import from_environment
from_environment()
links = []
for number in range(64):
    try: links.append(os.readlink(f"/proc/self/fd/{number}"))
    except FileNotFoundError: pass
print(json.dumps({
    "threads": threading.active_count(),
    "modules": sorted(sys.modules),
    "sockets": [link for link in links if "socket:" in link or "epoll" in link],
}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Threads, modules and sockets of a process that has imported the application."""
    folder = str(tmp_path_factory.mktemp("metrics"))
    settings = {
        "DATABASE_URL": "postgres://u:p@127.0.0.1:1/d",
        "BETTER_AUTH_SECRET": SECRET,
        "PROMETHEUS_MULTIPROC_DIR": folder,
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_import_starts_no_thread_and_opens_no_socket(loaded: dict[str, Any]) -> None:
    assert loaded["threads"] == 1
    assert loaded["sockets"] == []


def test_import_does_not_load_the_opentelemetry_sdk(loaded: dict[str, Any]) -> None:
    assert [name for name in loaded["modules"] if name.startswith("opentelemetry.sdk")] == []


@pytest.mark.parametrize("name", ["GZipMiddleware", "BaseHTTPMiddleware", '.middleware("http")'])
def test_slow_middleware_is_not_used(name: str) -> None:
    sources = [path.read_text() for path in Path(ROOT / "api").rglob("*.py")]

    assert len(sources) > 30
    assert not any(name in text for text in sources)
