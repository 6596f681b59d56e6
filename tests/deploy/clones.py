"""Copies of the sources as git would bring them, which a test may change."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import ROOT
from tests.support.database.embedded_postgres import readable_folder
from tests.support.required_tools import require_clone

# Make's stamps: what was installed is up to date.
STAMPS = ("local", "dev")


def clone(path: Path) -> None:
    """Copy every file that git does not ignore."""
    require_clone()
    words = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, path / name, follow_symlinks=False)


@contextmanager
def working_clone() -> Iterator[Path]:
    """A clone in which every make target finds its packages installed."""
    with readable_folder() as path:
        clone(path)
        environment = path / ".venv"
        environment.mkdir()
        for installed in Path(sys.prefix).iterdir():
            if installed.name not in STAMPS:
                (environment / installed.name).symlink_to(installed)
        for stamp in STAMPS:
            (environment / stamp).touch()
        yield path
