"""The health command of the API's container."""

import os
import subprocess
import sys

import pytest

from tests.support.command import ROOT, free_port


@pytest.mark.parametrize(("port_of", "code"), [("server", 0), ("nothing", 1)])
def test_the_health_command_exits_by_readiness(base_url: str, port_of: str, code: int) -> None:
    port = base_url.rpartition(":")[2] if port_of == "server" else str(free_port())
    done = subprocess.run(
        [sys.executable, "deploy/healthcheck.py"],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        check=False,
    )

    assert done.returncode == code
