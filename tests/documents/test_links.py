"""Links resolve, and no sentence stands in two documents."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.command import ROOT
from tests.support.documents import anchors, documents, links, prose, text

README_LINES, TWO_SCREENS = 160, 100
# Long enough to be a thought, not a label.
SENTENCE_WORDS = 7
# Pages of the forge itself, relative to a file of the repository.
FORGE = "../../actions/"
PATH = re.compile(r"`((?:api|deploy|observability|tests|\.github|\.ci)/[\w./-]*\w/?)`")
# Files that a reader makes.
MADE = {"deploy/secrets/", "deploy/secrets/database_url"}


@pytest.mark.parametrize("document", documents())
def test_every_relative_link_resolves(document: str) -> None:
    broken = []
    for link in links(document):
        target, _, anchor = link.partition("#")
        if link.startswith(("http://", "https://", FORGE)):
            continue
        found = ROOT / document if not target else (ROOT / document).parent / target
        known = anchors(f"{found.resolve().relative_to(ROOT)}") if anchor and found.exists() else ()
        if not found.exists() or (anchor and anchor not in known):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("document", documents())
def test_every_path_that_is_named_exists(document: str) -> None:
    named = {*PATH.findall(text(document))} - MADE

    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", documents())
def test_a_long_document_begins_with_its_contents(document: str) -> None:
    own = [link[1:] for link in links(document) if link.startswith("#")]
    top = re.findall(r"^## (.+)$", prose(document), re.MULTILINE)
    expected = [re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in top]

    assert len(text(document).splitlines()) <= TWO_SCREENS or own[: len(expected)] == expected


def test_the_front_page_is_short() -> None:
    assert len(text("README.md").splitlines()) <= README_LINES


def test_no_sentence_stands_in_two_documents() -> None:
    found = defaultdict(set)
    for document in documents():
        for sentence in sentences(prose(document)):
            found[sentence].add(document)

    assert {sentence: where for sentence, where in found.items() if len(where) > 1} == {}


def sentences(page: str) -> list[str]:
    """The sentences of paragraphs and the cells of tables that have some words."""
    parts = re.split(r"(?<=[.:;!?])\s|\n\n|\n(?=[-*|#\d])|(?<=\|)", page)
    plain = [" ".join(re.sub(r"[*`|]", "", part).split()) for part in parts]
    return [part for part in plain if len(part.split()) >= SENTENCE_WORDS]


def test_a_document_is_found() -> None:
    assert {"README.md", "api/README.md", ".github/CONTRIBUTING.md"} <= {*documents()}
    assert all(Path(ROOT / name).is_file() for name in documents())
