"""npm packages: reinstalled after an interruption, refused with an outdated Node.js."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import ROOT, finished
from tests.support.frontend.node import output_of, require_node, with_packages

STAMP = "tests/client/node_modules/.installed"
LOCK = {"lockfileVersion": 3, "packages": {"": {}}}
BY: dict[str, Callable[[Path], object]] = {
    "make": lambda clone: output_of("make", STAMP, cwd=clone),
    "tests": lambda clone: with_packages(clone / "tests" / "client"),
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout in which npm was interrupted while it installed packages."""
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    client = tmp_path / "tests" / "client"
    client.mkdir(parents=True)
    (client / "package.json").write_text("{}")
    (client / "package-lock.json").write_text(json.dumps(LOCK))
    (client / "node_modules" / "half").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("by", BY)
def test_interrupted_installation_is_repeated_once(by: str, clone: Path) -> None:
    require_node()
    BY[by](clone)
    half, stamp = clone / "tests" / "client" / "node_modules" / "half", clone / STAMP
    first = stamp.stat().st_mtime_ns
    BY[by](clone)

    assert not half.exists()
    assert stamp.stat().st_mtime_ns == first


def test_outdated_node_is_reported(clone: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("node", "npm"):
        (old / name).write_text(f"#!/bin/sh\n[ {name} = npm ]\n")
        (old / name).chmod(0o755)

    with finished(
        "make", "client", cwd=clone, settings={"PATH": f"{old}:/usr/bin:/bin"}
    ) as command:
        assert command.process.returncode == 2
        assert command.error_lines() == ["Node.js 20 or newer is needed, with npm."]


def test_make_clean_removes_the_packages(clone: Path) -> None:
    with finished("make", "clean", cwd=clone, settings={"DOCKER_HOST": "unix:///none"}) as command:
        assert command.process.returncode == 0, command.errors

    assert {path.name for path in (clone / "tests" / "client").iterdir()} == {
        "package.json",
        "package-lock.json",
    }
