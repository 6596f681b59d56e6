"""``python -m deploy.release v1.2.3``: prints the notes of a release.

It refuses where tag, version and changelog do not agree.
"""

import re
import sys
from pathlib import Path

CHANGELOG, VERSION = Path("CHANGELOG.md"), Path("api/__init__.py")


def notes(tag: str, changelog: str, version: str) -> str:
    """The section of ``changelog`` for the tag; ``SystemExit`` where there is none, or no date."""
    if tag != f"v{version}":
        raise SystemExit(f"The tag is {tag} and api/__init__.py says {version}.")
    heading = re.compile(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n", re.MULTILINE)
    parts = heading.split(changelog)
    if len(parts) == 1:
        raise SystemExit(f"CHANGELOG.md has no heading `## {version} - YYYY-MM-DD`.")
    return parts[1].partition("\n## ")[0].strip()


def main() -> None:
    """Print the notes for the tag given as argument. It imports nothing of the API."""
    found = re.search(r'^__version__ = "(.+)"$', VERSION.read_text(), re.MULTILINE)
    if not found or len(sys.argv) != len(["release", "tag"]):
        raise SystemExit("Name the tag: python -m deploy.release v1.2.3")
    print(notes(sys.argv[1], CHANGELOG.read_text(), found[1]))


if __name__ == "__main__":
    main()
