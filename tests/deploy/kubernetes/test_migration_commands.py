"""The documented commands end as soon as what they wait for, and print a migration's result."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kubernetes.api_server import JOB, NAMESPACE, job_server
from tests.support.documents import block
from tests.support.required_tools import require_tool, skip_without

RELEASE = block("deploy/kubernetes/README.md", "MIGRATION=")
WAIT, LOGS, CHECK = [
    line for line in RELEASE.splitlines() if " wait job/" in line or " logs " in line
]
[WAIT_FOR_PODS] = [line for line in RELEASE.splitlines() if " wait pdb/" in line]
SUCCEEDED = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
# Kubernetes 1.31 and newer add the target condition before the final one.
SUCCEEDED_IN_1_31 = {
    "conditions": [
        {"type": "SuccessCriteriaMet", "status": "True"},
        {"type": "Complete", "status": "True"},
    ]
}
FAILED = {"conditions": [{"type": "Failed", "status": "True"}], "failed": 1}
FAILED_IN_1_31 = {
    "conditions": [
        {"type": "FailureTarget", "status": "True"},
        {"type": "Failed", "status": "True"},
    ]
}
ERROR = "Cannot migrate db:5432: password authentication failed\n"
PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def _kubectl() -> None:
    """The commands wait for what a JSONPath finds, as kubectl can since 1.23."""
    words = (require_tool("kubectl"), "wait", "--help")
    if (
        "--for=jsonpath"
        not in subprocess.run(words, check=True, capture_output=True, text=True).stdout
    ):
        skip_without("kubectl 1.23 or newer")


def run(script: str, config: Path) -> tuple[int, str]:
    """Exit code and output of these lines, as a shell runs them."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": f"{config.parent}",
        "KUBECONFIG": f"{config}",
        "NAMESPACE": NAMESPACE,
        "MIGRATION": JOB,
    }
    done = subprocess.run(
        ["sh", "-ec", script],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("status", [FAILED, FAILED_IN_1_31])
def test_a_failed_migration_ends_the_commands_and_prints_its_error(
    tmp_path: Path, status: dict[str, Any]
) -> None:
    with job_server(tmp_path, status, ERROR) as config:
        assert run(WAIT, config)[0] == 0
        assert ERROR.strip() in run(LOGS, config)[1]
        code, output = run(CHECK.replace("--timeout=10s", "--timeout=1s"), config)

    assert code != 0
    assert JOB in output


@pytest.mark.parametrize("status", [SUCCEEDED, SUCCEEDED_IN_1_31])
def test_a_migration_that_succeeded_lets_the_release_go_on(
    tmp_path: Path, status: dict[str, Any]
) -> None:
    with job_server(tmp_path, status, "The schema is up to date.\n") as config:
        code, output = run(f"{WAIT}\n{LOGS}\n{CHECK}", config)

    assert code == 0
    assert "The schema is up to date." in output


def test_a_running_migration_is_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    with job_server(tmp_path, {"active": 1}, "") as config:
        code, output = run(WAIT.replace("--timeout=11m", "--timeout=2s"), config)

    assert code != 0
    assert "timed out" in output
    assert time.monotonic() - started >= 2


@pytest.mark.parametrize(("allowed", "is_success"), [("True", True), ("False", False)])
def test_a_release_waits_for_pods_that_may_be_disrupted(
    tmp_path: Path, allowed: str, *, is_success: bool
) -> None:
    status = {"conditions": [{"type": "DisruptionAllowed", "status": allowed}]}
    with job_server(tmp_path, status, "") as config:
        code, output = run(WAIT_FOR_PODS.replace("--timeout=3m", "--timeout=2s"), config)

    assert (code == 0) == is_success
    assert ("timed out" in output) != is_success
