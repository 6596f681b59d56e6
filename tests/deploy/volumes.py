"""The files that ``deploy/prepare.py`` writes into the volumes of the stack."""

from pathlib import Path

from deploy import prepare

# The users of the images: ours, node, postgres and nginx.
OWNERS = {"api": 10001, "auth": 1000, "db": 999, "nginx": 101}
PAIR = ("tls.crt", "tls.key")


def read(volumes: Path) -> dict[str, str]:
    """The content of every file, by its name."""
    files = sorted(path for name in OWNERS for path in (volumes / name).iterdir())
    return {f"{path.parent.name}/{path.name}": path.read_text() for path in files}


def give_pair(volumes: Path) -> dict[str, str]:
    """Put a certificate and its key into the folder for given ones."""
    for name in PAIR:
        (volumes / "given" / "certs" / name).unlink(missing_ok=True)
    prepare.main()
    pair = {name: (volumes / "nginx" / name).read_text() for name in PAIR}
    for name, text in pair.items():
        (volumes / "nginx" / name).unlink()
        (volumes / "given" / "certs" / name).write_text(text)
    return pair
