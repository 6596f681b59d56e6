"""A trial start of the API: exit code 0 when it becomes ready, else the log line of its failure.

``make up`` runs it in a container that gets no traffic, before it replaces the API.
"""

import os
import subprocess
import sys
import tempfile
import time

SECONDS = 30
COMMAND = (sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py")
HEALTH_CHECK = (sys.executable, "-I", "-S", "deploy/healthcheck.py")


def main() -> None:
    """Start one worker and wait for it; raises ``SystemExit`` with the reason of a failure."""
    with tempfile.TemporaryFile() as output:
        environment = {**os.environ, "WORKERS": "1"}
        api = subprocess.Popen(COMMAND, stdout=output, stderr=output, env=environment)
        try:
            is_ready = _becomes_ready(api)
        finally:
            api.terminate()
            api.wait()
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
    if not is_ready:
        errors = [line for line in lines if '"error"' in line or "Error" in line]
        raise SystemExit((errors or lines or ["The API did not become ready."])[-1])


def _becomes_ready(api: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + SECONDS
    while api.poll() is None and time.monotonic() < end:
        if subprocess.run(HEALTH_CHECK, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    main()
