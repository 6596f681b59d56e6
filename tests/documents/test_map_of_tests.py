"""tests/README.md lists the folders of the tests and the modules that they share."""

import re
from pathlib import Path

import pytest

from tests.support.command import ROOT
from tests.support.documents import table

TESTS = ROOT / "tests"
SHARED = TESTS / "support"
MODULES = {
    f"{path.relative_to(TESTS).with_suffix('')}": path
    for path in SHARED.rglob("*.py")
    if path.name != "__init__.py"
}


def importers(module: str) -> list[Path]:
    """The other files of the tests that import this module."""
    dotted = f"tests.{module.replace('/', '.')}"
    package, _, name = dotted.rpartition(".")
    pattern = re.compile(rf"from {dotted} import|from {package} import .*\b{name}\b")
    files = (path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)
    return [path for path in files if pattern.search(path.read_text())]


def test_every_folder_with_tests_is_listed() -> None:
    listed = {name for (name,) in table("tests/README.md", "Folders", 0)}
    files = (path for path in TESTS.rglob("test_*.py") if "node_modules" not in path.parts)

    assert {f"{path.parent.relative_to(ROOT)}" for path in files} <= listed


def test_every_support_module_is_listed() -> None:
    assert {name for (name,) in table("tests/README.md", "Support", 0)} == {*MODULES}


def test_no_support_module_shares_its_name() -> None:
    names = [path.stem for path in MODULES.values()]

    assert len({*names}) == len(names)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_support_module_has_several_users(module: str) -> None:
    used_by = importers(module)

    assert len(used_by) > 1 or any(path.is_relative_to(SHARED) for path in used_by), used_by
