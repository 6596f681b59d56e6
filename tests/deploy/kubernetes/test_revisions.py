"""Migrations only add, because old pods and rolled-back releases use the new schema."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.command import ROOT

VERSIONS = ROOT / "api" / "migrations" / "versions"
# Changes that break a release that is still running, or to which one returns.
REMOVALS = re.compile(
    r"\b(drop|rename|truncate)\b|\bset\s+not\s+null\b|\balter\s+(column\s+)?\w+\s.*\btype\b"
    r"|\badd\s+(constraint|check|unique|foreign|primary)\b|\bcreate\s+unique\b"
    r"|^op\.(drop_|rename_|alter_column|create_(check|unique|foreign|exclude)|create_index.*unique)",
    re.IGNORECASE,
)
COLUMN = re.compile(
    r"\badd\s+(?:column\s+)?\w+(?:\([^)]*\)|[^,;(])*|^op\.add_column.*", re.IGNORECASE
)
NEEDED = re.compile(r"not\s+null|nullable=False", re.IGNORECASE)
FILLED = re.compile(r"default|generated", re.IGNORECASE)
# A contracting revision declares that no release in use needs the old form any more.
CONTRACT = re.compile(r"^contract = True$", re.MULTILINE)

ADDING = [
    'op.add_column("task", sa.Column("colour", sa.Text()))',
    'op.add_column("task", sa.Column("n", sa.Integer(), nullable=False, server_default="0"))',
    'op.create_index("task_colour", "task", ["user_id", "colour"])',
    'op.execute("ALTER TABLE task ADD COLUMN n integer NOT NULL DEFAULT 0, ADD COLUMN m text")',
    'op.execute("CREATE TABLE note (id bigint PRIMARY KEY, text text NOT NULL)")',
    'op.execute("CREATE TYPE colour AS ENUM (1)")',
    'op.execute("CREATE INDEX few ON task (id) WHERE due_at IS NOT NULL")',
]
REMOVING = [
    'op.drop_column("task", "tags")',
    'op.alter_column("task", "title", new_column_name="name")',
    'op.rename_table("task", "todo")',
    'op.add_column("task", sa.Column("n", sa.Integer(), nullable=False))',
    'op.create_unique_constraint("once", "task", ["title"])',
    'op.execute("ALTER TABLE task\\n  DROP COLUMN tags")',
    'op.execute("ALTER TABLE task RENAME COLUMN title TO name")',
    'op.execute("ALTER TABLE task ALTER title TYPE varchar(50)")',
    'op.execute("ALTER TABLE task ALTER COLUMN due_at\\n SET NOT NULL")',
    'op.execute("ALTER TABLE task ADD COLUMN m text DEFAULT 0, ADD COLUMN n integer NOT NULL")',
    'op.execute("ALTER TABLE task ADD CHECK (length(title) < 50)")',
]


def revision(step: str, head: str = "") -> str:
    """The source of a revision with this upgrade; its downgrade drops the table."""
    back = 'op.drop_table("task")'
    return (
        f'"""Drop nothing."""\n{head}\ndef upgrade():\n    {step}\n\ndef downgrade():\n    {back}\n'
    )


def steps(source: str) -> Iterator[str]:
    """The SQL and the operations of the upgrade."""
    module = ast.parse(source)
    module.body = [part for part in module.body if getattr(part, "name", "") != "downgrade"]
    nodes = [*ast.walk(module)]
    docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
    for node in nodes:
        if isinstance(node, ast.Call):
            yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and node not in docstrings:
            yield str(node.value)


def removes_something(source: str) -> bool:
    """Whether the revision does more than add, without ``contract = True``."""
    found = [*steps(source)]
    columns = [column for step in found for column in COLUMN.findall(step)]
    unfilled = [c for c in columns if NEEDED.search(c) and not FILLED.search(c)]
    return bool(unfilled or any(map(REMOVALS.search, found))) and not CONTRACT.search(source)


def test_every_revision_after_the_first_only_adds() -> None:
    first, *later = sorted(VERSIONS.glob("0*.py"))

    assert first.name == "0001_task.py"
    assert len(later) + 1 == len([*VERSIONS.glob("*.py")])
    assert [path.name for path in later if removes_something(path.read_text())] == []


@pytest.mark.parametrize("step", ADDING)
def test_an_adding_revision_is_accepted(step: str) -> None:
    assert not removes_something(revision(step))


@pytest.mark.parametrize("step", REMOVING)
def test_a_removing_revision_must_be_declared(step: str) -> None:
    assert removes_something(revision(step))
    assert not removes_something(revision(step, "contract = True\n"))
