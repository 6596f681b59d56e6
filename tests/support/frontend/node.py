"""Programs of Node.js, with the packages of their lock file."""

import shutil
import subprocess
from pathlib import Path

from tests.support.required_parts import missing

OLDEST = 20
INSTALL_SECONDS = 300


def installed(folder: Path) -> Path:
    """The same folder, once its locked packages are there."""
    need_node()
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".installed"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        words = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(words, cwd=folder, check=True, timeout=INSTALL_SECONDS)
        stamp.touch()  # as make does, and nothing that npm leaves when it is interrupted
    return folder


def need_node() -> None:
    """Skip the test where no Node.js with npm is, or an old one."""
    if not shutil.which("npm") or not shutil.which("node"):
        missing("Node.js with npm")
    if int(said("node", "--version").lstrip("v").split(".")[0]) < OLDEST:
        missing(f"Node.js {OLDEST} or newer")


def said(*words: str, cwd: Path | None = None) -> str:
    """What a program prints before it ends well."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
