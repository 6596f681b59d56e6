"""``make migration NAME="add colour"``: a new revision from ``api/migrations/script.py.mako``."""

import sys
from argparse import Namespace

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory


def main() -> None:
    """Write the next revision, numbered after the newest one, and print its path."""
    name = " ".join(sys.argv[1:]).replace("_", " ").strip()
    if not name.replace(" ", "").isalnum():
        raise SystemExit(
            'NAME must be words of letters and digits: make migration NAME="add colour"'
        )
    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", "api:migrations")
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    newest = ScriptDirectory.from_config(config).get_current_head() or "0"
    sentence = name[0].upper() + name[1:]
    script = command.revision(config, sentence, rev_id=f"{int(newest) + 1:04}")
    assert isinstance(script, Script)
    print(script.path)


if __name__ == "__main__":
    main()
