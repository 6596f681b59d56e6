"""The Makefile before the environment exists: unsupported Pythons, and ``make help``."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import ROOT, finished
from tests.support.database.embedded_postgres import readable_folder

OLD = """#!/bin/sh
# A Python that reports version 3.9.
case "$*" in
  -V) echo Python 3.9.2 ;;
  *version_info*) exit 1 ;;
  *) exec "{python}" "$@" ;;
esac
"""
NEW = OLD.replace("3.9", "3.15")
WITHOUT_VENV = """#!/bin/sh
case "$*" in
  *venv*) echo "No module named 'ensurepip'" >&2; exit 1 ;;
  *) exec "{python}" "$@" ;;
esac
"""
BROKEN = "#!/bin/sh\nexit 127\n"

PYTHONS = {
    "too old": (OLD, "Python 3.11 to 3.14 is needed"),
    "too new": (NEW, "Python 3.11 to 3.14 is needed"),
    "without venv": (WITHOUT_VENV, "venv module"),
    "broken": (BROKEN, "does not run"),
}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
TARGETS = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.fixture
def clone() -> Iterator[Path]:
    """A clone without an environment."""
    with readable_folder() as path:
        for name in ("Makefile", "deploy", "requirements-local.txt"):
            (path / name).symlink_to(ROOT / name)
        yield path


@pytest.mark.parametrize("kind", PYTHONS)
@pytest.mark.parametrize("target", ["run", "migrate"])
def test_an_unsupported_python_is_named(kind: str, target: str, clone: Path) -> None:
    script, sentence = PYTHONS[kind]
    python = clone / "python3"
    python.write_text(script.replace("{python}", sys.executable))
    python.chmod(0o755)

    with finished("make", target, f"PYTHON={python}", cwd=clone) as command:
        assert command.process.returncode == 2
        assert len(command.error_lines()) == 1, command.errors
        assert sentence in command.error_lines()[0]
        assert str(python) in command.error_lines()[0]
    assert not (clone / ".venv").exists()


def test_a_missing_python_is_named(clone: Path) -> None:
    with finished("make", "run", "PYTHON=python3.99", cwd=clone) as command:
        assert command.process.returncode == 2
        assert len(command.error_lines()) == 1, command.errors
        assert "python3.99 does not run" in command.error_lines()[0]
    assert not (clone / ".venv").exists()


def test_the_first_python_that_works_is_taken(clone: Path) -> None:
    scripts = {"python3.13": BROKEN, "python3.14": NEW, "python3.12": WITHOUT_VENV}
    chosen = '#!/bin/sh\ncase "$*" in *--clear*) echo chosen >&2; exit 9 ;; esac\n'
    for name, script in (scripts | {"python3.11": chosen, "python3": OLD}).items():
        (clone / name).write_text(script.replace("{python}", sys.executable))
        (clone / name).chmod(0o755)

    settings = {"PATH": f"{clone}:{os.environ['PATH']}"}
    with finished("make", "run", cwd=clone, settings=settings) as command:
        assert command.error_lines()[1:] == ["chosen"], command.errors


@pytest.mark.parametrize(
    ("requirements", "duration"),
    [("requirements-local.txt", "half a minute"), ("requirements-dev.txt", "a minute or two")],
)
def test_the_announced_duration_is_that_of_the_packages(
    requirements: str, duration: str, clone: Path
) -> None:
    python = clone / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *--clear*) exit 9 ;; esac\nexec "{sys.executable}" "$@"'
    )
    python.chmod(0o755)
    with finished("deploy/local/install", str(python), ".venv", requirements, cwd=clone) as command:
        assert f"(once, {duration})" in command.errors


def test_the_images_python_is_tried_first() -> None:
    [version] = set(re.findall(r"^FROM python:(\S+)-slim", DOCKERFILE, re.MULTILINE))
    install, ci = ((ROOT / name).read_text() for name in ("deploy/local/install", ".ci/run"))

    assert f"for python in python{version} " in install
    assert {*re.findall(r"/python(3\.\d+)", ci)} == {version}


@pytest.mark.parametrize("words", [("make",), ("make", "help")])
def test_help_lists_every_target_once(words: tuple[str, ...], clone: Path) -> None:
    with finished(*words, cwd=clone) as command:
        listed = [line.split(maxsplit=1) for line in command.output.splitlines()]

        assert command.process.returncode == 0
        assert command.errors == ""
        assert [name for name, _ in listed] == TARGETS
        assert all(purpose for _, purpose in listed)


def test_every_target_is_phony() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert sorted(phony.split()) == sorted(TARGETS)
