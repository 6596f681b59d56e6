"""``make client`` writes types that programs use against the running API."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.command import ROOT
from tests.support.documents import block
from tests.support.frontend.node import output_of, require_node
from tests.support.frontend.typescript import compile_typescript
from tests.support.http.client import User
from tests.support.http.client import token as signed

CLIENT = block("api/README.md", "import createClient")
PROGRAM = ROOT / "tests" / "client" / "program.ts"
MISTAKES = [
    ('title: "Buy milk"', 'titel: "Buy milk"'),
    ('priority: "high"', 'priority: "urgent"'),
    ('status: "pending"', 'status: "open"'),
    ("id: made.id", "id: made.title"),
    ("due_date: null", "due_date: 1"),
    ("read, renamed", "read: read.owner, renamed"),
]


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that ``make client`` writes."""
    require_node()
    path = tmp_path_factory.mktemp("client") / "tasks-api.d.ts"
    output_of("make", "client", f"OUT={path}", cwd=ROOT)
    return path


@pytest.fixture
def folder(types: Path, tmp_path: Path) -> Path:
    """A front end's folder with the types in it."""
    shutil.copy(types, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_typed_program_uses_every_operation(folder: Path, alice: User) -> None:
    shutil.copy(PROGRAM, folder)
    compile_typescript(folder, "program.ts")
    words = ("node", "program.js", f"{alice.base_url}", alice.user_id, signed(alice.user_id))

    told = json.loads(output_of(*words, cwd=folder))

    assert told["listed"] == [told["made"]] == [told["read"]]
    assert (told["made"]["priority"], told["made"]["due_date"]) == ("high", "2026-12-01")
    assert told["renamed"]["title"] == "Buy oats"
    assert told["patched"]["due_date"] is None
    assert told["toggled"]["completed"] is True
    assert told["deleted"] == told["toggled"]
    assert told["code"] == "task_not_found"


@pytest.mark.slow
def test_type_errors_are_found_by_the_compiler(folder: Path) -> None:
    text = PROGRAM.read_text()
    for number, (right, wrong) in enumerate(MISTAKES):
        assert text.count(right) == 1
        (folder / f"mistake{number}.ts").write_text(text.replace(right, wrong))
    files = sorted(path.name for path in folder.glob("mistake*.ts"))

    with pytest.raises(AssertionError) as found:
        compile_typescript(folder, *files)

    assert {*re.findall(r"(mistake\d)\.ts\(.*error TS", str(found.value))} == {
        name.removesuffix(".ts") for name in files
    }


@pytest.mark.slow
def test_the_documented_client_works(folder: Path, alice: User) -> None:
    arguments = json.dumps([f"{alice.base_url}", alice.user_id, signed(alice.user_id)])
    use = f"const api = tasksOf(...({arguments} as [string, string, string]));\n"
    use += 'await api.add("Buy milk");\nconsole.log(JSON.stringify((await api.list()).data));\n'
    (folder / "documented.ts").write_text(CLIENT + use)
    compile_typescript(folder, "documented.ts")

    [task] = json.loads(output_of("node", "documented.js", cwd=folder))

    assert task == alice.all()[0]
