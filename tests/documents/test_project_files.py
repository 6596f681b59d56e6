"""Workflows, hooks, changelog and version: what a contributor and a release rely on."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from api import __version__
from deploy.release import notes
from tests.support.command import ROOT, finished
from tests.support.required_tools import require_clone, require_tool

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# What the jobs may do; nothing else is granted.
PERMISSIONS = {
    "ci": {"contents": "read"},
    "release": {
        "contents": "write",
        "packages": "write",
        "id-token": "write",
        "attestations": "write",
    },
}


def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(
        [require_tool("actionlint"), *WORKFLOWS], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_an_action_is_pinned_by_its_commit(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())

    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_the_least_permissions(workflow: Path) -> None:
    found = yaml.safe_load(workflow.read_text())

    assert found["permissions"] == {}
    for job in found["jobs"].values():
        assert job["permissions"] == PERMISSIONS[workflow.stem]
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_ci_runs_the_fast_tests_on_every_supported_python() -> None:
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    first, end = map(int, re.findall(r"3\.(\d+)", supported))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    images = re.findall(r"^FROM python:([\d.]+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    tested = {*workflow["jobs"]["pythons"]["strategy"]["matrix"]["python"], *images}
    assert tested == {f"3.{minor}" for minor in range(first, end)}


@pytest.mark.parametrize(("length", "code"), [(72, 0), (73, 1)])
def test_the_hook_refuses_a_long_commit_subject(length: int, code: int, tmp_path: Path) -> None:
    subprocess.run([require_tool("git"), "init", "--quiet", tmp_path], check=True)
    shutil.copy(ROOT / ".pre-commit-config.yaml", tmp_path)
    message = tmp_path / "message"
    message.write_text(f"{'x' * length}\n\n{'y' * 100}\n")
    words = ("-m", "prek", "run", "--hook-stage", "commit-msg", "--commit-msg-filename")
    settings = {"PREK_HOME": f"{tmp_path}"}

    command_line = (sys.executable, *words, f"{message}", "subject")
    with finished(*command_line, cwd=tmp_path, settings=settings) as command:
        assert command.process.returncode == code, command.output + command.errors


def test_the_version_has_a_dated_entry_in_the_changelog() -> None:
    newest = re.findall(r"^## (\d\S*) - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)[0]
    tags = {
        yaml.safe_load(path.read_text())["images"][0]["newTag"]
        for path in (ROOT / "deploy" / "kubernetes" / "overlays").glob("*/kustomization.yaml")
    }

    assert {newest, *tags} == {__version__}


def test_a_release_publishes_the_notes_of_its_tag() -> None:
    with finished(sys.executable, "-m", "deploy.release", f"v{__version__}") as command:
        assert command.output.strip() in CHANGELOG

    assert notes("v2.0.0", "# C\n\n## 2.0.0 - 2026-01-02\n\n- a\n\n## 1.9.0", "2.0.0") == "- a"


@pytest.mark.parametrize(
    ("tag", "heading", "sentence"),
    [
        ("v2.0.1", "## 2.0.0 - 2026-01-02\n", "The tag is v2.0.1"),
        ("2.0.0", "## 2.0.0 - 2026-01-02\n", "The tag is 2.0.0"),
        ("v2.0.0", "## Unreleased\n", "CHANGELOG.md has no heading"),
        ("v2.0.0", "## 2.0.0\n", "CHANGELOG.md has no heading"),
    ],
)
def test_a_release_that_does_not_fit_is_one_sentence(tag: str, heading: str, sentence: str) -> None:
    with pytest.raises(SystemExit, match=f"^{sentence}"):
        notes(tag, heading, "2.0.0")


def test_text_files_end_with_a_line_and_lines_without_spaces() -> None:
    require_clone()
    words = ("git", "grep", "--cached", "-I", "-l", "-z", "")
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wrong = [
        name
        for name in filter(None, listed.split("\0"))
        if (path := ROOT / name).is_file()
        and (
            not (text := path.read_text()).endswith("\n")
            or re.search(r"[ \t]$", text, re.MULTILINE)
        )
    ]

    assert wrong == []
