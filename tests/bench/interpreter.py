"""Which Python is measured: that of the API's image, where a Docker engine is there."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.measure import say
from tests.bench.servers import ROOT

IMAGE = "tasks-api-bench"
DOCKERFILE = Path(__file__).with_name("Dockerfile")
INSIDE, ON_HOST = "BENCH_INSIDE_IMAGE", "BENCH_ON_HOST"
PASSED_ON = ("QUICK", "ROUNDS")


def is_inside_image() -> bool:
    """Whether this process runs in a container of the image."""
    return bool(os.environ.get(INSIDE))


def has_engine() -> bool:
    """Whether a Docker engine answers; ``BENCH_ON_HOST=1`` says no."""
    if os.environ.get(ON_HOST) or not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def description() -> str:
    """The interpreter that runs the servers, and whether its build is optimised."""
    version = f"Python {platform.python_version()}"
    if is_inside_image():
        return f"{version} of the image {base()}"
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    how = "with" if optimised else "without"
    return f"{version} of this machine, configured {how} --enable-optimizations"


def base() -> str:
    """The image that the benchmark's own image starts from."""
    lines = DOCKERFILE.read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("FROM "))


def run_in_image(results: Path) -> None:
    """Run the benchmark in a container; raises ``SystemExit`` with one sentence if it fails."""
    _build()
    with TemporaryDirectory() as folder:
        options = ["--rm", "--shm-size=1g", "--volume=/tmp"]
        options += [f"--volume={ROOT}:/app:ro", f"--volume={folder}:/results"]
        options += [f"--env={name}" for name in PASSED_ON if name in os.environ]
        options += [f"--env={INSIDE}=1", f"--env=RESULTS=/results/{results.name}"]
        done = subprocess.run(["docker", "run", *options, IMAGE], check=False)
        written = Path(folder) / results.name
        if written.exists():
            shutil.copyfile(written, results)
    if done.returncode:
        raise SystemExit(f"The benchmark failed in its image; {ON_HOST}=1 runs it without Docker.")


def _build() -> None:
    say(f"Building the image {IMAGE}")
    with TemporaryDirectory() as context:
        for file in (DOCKERFILE, ROOT / "requirements-dev.txt"):
            shutil.copy(file, context)
        command = ["docker", "build", "--quiet", "--tag", IMAGE, context]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
            raise SystemExit(
                f"The image does not build; {ON_HOST}=1 measures this machine's Python."
            )
