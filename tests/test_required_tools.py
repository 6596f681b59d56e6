"""A test without its tool is skipped by name; with ``CI=true`` it fails."""

from pathlib import Path

import pytest

from tests.support.required_tools import require_tool, summary


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are looked for."""
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def test_a_missing_tool_skips_the_test_and_names_its_package() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^missing: promtool \(Debian: prometheus\)$"):
        require_tool("promtool")


def test_a_missing_tool_fails_the_test_where_all_must_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match=r"^missing: git \(Debian: git\)$"):
        require_tool("git")


def test_one_of_several_tools_is_enough(folder: Path) -> None:
    (folder / "kubectl").touch(0o755)

    assert require_tool("kustomize", "kubectl") == f"{folder / 'kubectl'}"


def test_the_run_ends_with_one_line_about_what_was_skipped() -> None:
    reasons = ["Skipped: missing: jq (Debian: jq)", "Skipped: only root"]

    assert summary([*reasons, reasons[0]]) == (
        "Skipped 3 tests for want of: jq (Debian: jq) 2, only root 1"
    )
