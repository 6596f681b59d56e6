"""Compile TypeScript with strict type checks."""

import json
from pathlib import Path
from typing import Any

from tests.support.command import ROOT
from tests.support.frontend.node import output_of, with_packages

CLIENT = ROOT / "tests" / "client"
STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "skipLibCheck": False,
    "types": ["node"],
}


def compile_typescript(
    folder: Path, *files: str, more: tuple[Path, ...] = (), **options: Any
) -> None:
    """Check these files of the folder, and write the JavaScript beside each."""
    modules = folder / "node_modules"
    modules.mkdir(exist_ok=True)
    for package in _packages(CLIENT, *more).values():
        (modules / package.name).symlink_to(package)
    (folder / "package.json").write_text('{"type": "module"}')
    project = {"compilerOptions": STRICT | options, "files": files}
    (folder / "tsconfig.json").write_text(json.dumps(project))
    output_of("node", str(modules / "typescript" / "bin" / "tsc"), cwd=folder)


def _packages(*folders: Path) -> dict[str, Path]:
    """The packages of all these folders, by name."""
    found = [path for each in folders for path in (with_packages(each) / "node_modules").iterdir()]
    return {path.name: path for path in found if not path.name.startswith(".")}
