"""Programs of Node.js, with the packages of their lock file."""

import subprocess
from pathlib import Path

from tests.support.required_tools import require_tool, skip_without

OLDEST = 20
INSTALL_SECONDS = 300


def with_packages(folder: Path) -> Path:
    """The same folder, once its locked packages are there."""
    require_node()
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".installed"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        words = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(words, cwd=folder, check=True, timeout=INSTALL_SECONDS)
        stamp.touch()  # as make does, and nothing that npm leaves when it is interrupted
    return folder


def require_node() -> None:
    """Skip the test where no Node.js with npm is, or an old one."""
    for tool in ("node", "npm"):
        require_tool(tool)
    if int(output_of("node", "--version").lstrip("v").split(".")[0]) < OLDEST:
        skip_without(f"node {OLDEST} or newer")


def output_of(*words: str, cwd: Path | None = None) -> str:
    """What a program prints before it ends well."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
