"""``make test`` with Python and make alone, as a user without root, on the image's Python."""

import re
import subprocess

import pytest

from tests.deploy.clones import clone
from tests.support.command import ROOT
from tests.support.database.embedded_postgres import readable_folder
from tests.support.stack.compose_stack import require_engine

pytestmark = pytest.mark.slow

IMAGE = re.findall(r"^FROM (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
SECONDS = 1800
# Local stand-ins for the image have curl.
PREPARE = """
apt-get update -qq
apt-get install -qq --no-install-recommends make
apt-get purge -qq curl
useradd dev
cp -r /clone /srv/clone
chown -R dev /srv/clone
"""
# What a user's shell may bring: threads with large stacks, the C locale, a zone west of
# Greenwich, and a home directory that is not there.
RUN = """
cd /srv/clone
ulimit -s 131072
exec setpriv --reuid=dev --regid=dev --init-groups \\
  env HOME=/home/dev LC_ALL=C TZ=America/New_York make test
"""


def test_make_test_is_green_on_a_bare_machine() -> None:
    require_engine()
    words = ("docker", "run", "--rm", "--sysctl=net.ipv6.conf.all.disable_ipv6=1")
    with readable_folder() as path:
        clone(path)
        script = f"set -e\n{{ {PREPARE} }} >/dev/null 2>&1\n{RUN}"
        done = subprocess.run(
            [*words, f"--volume={path}:/clone:ro", IMAGE, "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    lines = done.stdout.splitlines()
    print(*lines[-2:], sep="\n")
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR", "E  "))]
    assert done.returncode == 0, "\n".join([*failed, *lines[-20:], done.stderr[-5_000:]])
    assert re.search(r"= \d+ passed, \d+ skipped", done.stdout)
    assert "Skipped" in lines[-1]
