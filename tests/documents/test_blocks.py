"""Every code block is run by a test, and every command that a sentence names exists."""

import ast
import re
import shlex
from functools import cache
from importlib.util import find_spec

import pytest
import yaml

from tests.support.command import ROOT
from tests.support.documents import Block, blocks, documents, text

# Blocks that no test can run, each with its reason.
EXCEPTIONS = {
    ("README.md", "flowchart LR"): "a picture: its boxes are compared with Compose's services",
}
BLOCKS = [block for document in documents() for block in blocks(document)]
PROGRAMS = "make|docker|python -m|npm|npx|git|kubectl|openssl|pg_dump|curl"
COMMAND = re.compile(rf"`((?:{PROGRAMS}) [^`]+)`")
# The programs whose commands the tests below hold.
HELD = ("make ", "docker compose ", "python -m ")
# Other commands, by their beginning.
NOT_RUN = {
    "kubectl ": "needs a cluster; tests/deploy/kubernetes compares names with the manifests",
    "npm install ": "is for the reader's own application; tests/client locks the same packages",
    "npx auth@latest migrate": "is Better Auth's own, for the reader's application",
    "git checkout <version>": "is for a release that the reader chooses",
    "openssl ": "shows a certificate, or makes a random secret, with nothing of ours in it",
    "docker inspect ": "names a container that the reader chooses",
    "docker volume rm ": "takes away a volume; its name is compared with Compose's",
    "pg_dump ": "needs a Neon project",
}


@cache
def asked_for() -> set[tuple[str, str]]:
    """The document and the beginning of every block that a test runs: ``block("…", "…")``."""
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if "node_modules" not in path.parts and "block(" in path.read_text():
            found |= {
                call for node in ast.walk(ast.parse(path.read_text())) if (call := _call(node))
            }
    return found


def _call(node: ast.AST) -> tuple[str, str] | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    values = [each.value for each in node.args if isinstance(each, ast.Constant)]
    if node.func.id != "block" or len(values) != 2 or not all(isinstance(v, str) for v in values):
        return None
    document, beginning = map(str, values)
    return document, beginning


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: f"{b.document}:{b.text.splitlines()[0]}")
def test_a_test_runs_the_block(block: Block) -> None:
    known = asked_for() | EXCEPTIONS.keys()
    used = [
        beginning
        for document, beginning in known
        if document == block.document and block.text.startswith(beginning)
    ]

    assert used, "run it in a test by block(document, beginning), or list it in EXCEPTIONS"


@pytest.mark.parametrize(("document", "beginning"), EXCEPTIONS)
def test_an_exception_is_still_needed(document: str, beginning: str) -> None:
    assert [b for b in blocks(document) if b.text.startswith(beginning)]
    assert (document, beginning) not in asked_for()


def test_the_picture_shows_the_services_of_compose() -> None:
    services = {*yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]}
    [picture] = [block.text for block in blocks("README.md") if block.language == "mermaid"]

    boxes = re.sub(r"\|.*?\||\"[^\"]*\"", "", picture.partition("\n")[2])

    assert services - {"prepare", "migrate"} == {*re.findall(r"\w+", boxes)} - {"browser"}


def commands() -> list[str]:
    """The commands that sentences name."""
    return sorted(
        {" ".join(found.split()) for d in documents() for found in COMMAND.findall(text(d))}
    )


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("make ")])
def test_a_target_that_a_sentence_names_exists(command: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {*re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)}
    named = [word for word in shlex.split(command)[1:] if "=" not in word]
    variables = [word.partition("=")[0] for word in shlex.split(command) if "=" in word]

    assert {*named} <= targets
    assert [v for v in variables if not re.search(rf"\b{v}\b", makefile)] == []


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("python -m")])
def test_a_module_that_a_sentence_runs_exists(command: str) -> None:
    files = [word for word in shlex.split(command) if word.startswith(("tests/", "deploy/"))]

    assert find_spec(command.split()[2])
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("command", [e for e in commands() if e.startswith("docker compose")])
def test_a_service_that_a_sentence_names_exists(command: str) -> None:
    services = {*yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]}
    words = shlex.split(command.partition("|")[0].partition("<")[0].partition(">")[0])[2:]
    verbs = {"up", "ps", "logs", "restart", "exec", "stop", "start", "run", "build"}
    [verb] = [words.index(word) for word in words if word in verbs][:1]
    named = [word for word in words[verb + 1 :] if not word.startswith("-") and not word.isdigit()]
    named = named[:1] if words[verb] in {"exec", "run"} else named

    assert {*named} <= services


def test_every_other_command_is_a_known_exception() -> None:
    others = [command for command in commands() if not command.startswith(HELD)]

    assert [each for each in others if not each.startswith(tuple(NOT_RUN))] == []
    assert [start for start in NOT_RUN if not any(each.startswith(start) for each in others)] == []


def test_a_volume_that_a_sentence_removes_exists() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    volumes = {f"{compose['name']}_{volume}" for volume in compose["volumes"]}
    named = [command.split()[-1] for command in commands() if command.startswith("docker volume")]

    assert named
    assert {*named} <= volumes
