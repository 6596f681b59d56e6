"""Tools that a machine may lack: a skip with a reason, or a failure with ``CI=true``."""

import os
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

MISSING = "missing: "
# Where the Debian package has another name than the program.
PACKAGES = {
    "actionlint": "golang-go, as .ci/run",
    "docker": "docker.io",
    "ip": "iproute2",
    "kubectl": "kubernetes-client",
    "kustomize": "golang-go, as .ci/run",
    "node": "nodejs",
    "promtool": "prometheus",
    "unshare": "util-linux",
}


def require_tool(*names: str) -> str:
    """The path of the first of these programs that is installed; the test is skipped without."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    return found or skip_without(names[0], PACKAGES.get(names[0], names[0]))


def require_clone() -> None:
    """Skip the test where the sources are no clone that git reads, such as an archive."""
    words = (require_tool("git"), "-C", Path(__file__).parent, "rev-parse", "--git-dir")
    if subprocess.run(words, check=False, capture_output=True).returncode:
        skip_without("a clone by this user")


def require_ipv6() -> None:
    """Skip the test where the loopback interface has no IPv6 address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        skip_without("IPv6")


def skip_without(tool: str, package: str | None = None) -> NoReturn:
    """Skip the test because ``tool`` is missing, which a Debian package brings."""
    reason = f"{MISSING}{tool}" + (f" (Debian: {package})" if package else "")
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def summary(reasons: Iterable[str]) -> str:
    """One line for the end of a run: how many tests were skipped, and what each of them needs."""
    counts = Counter(reason.removeprefix("Skipped: ").removeprefix(MISSING) for reason in reasons)
    parts = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return f"Skipped {counts.total()} tests for want of: {parts}"
