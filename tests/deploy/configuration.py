"""The parsed configuration files of Compose, gunicorn and nginx."""

import re
from typing import Any

import yaml

from tests.support.command import ROOT

PARTS = (ROOT / "nginx.conf", *sorted((ROOT / "deploy" / "nginx").glob("*.conf")))
NGINX = "\n".join(re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE) for path in PARTS)


def services() -> dict[str, Any]:
    """The services of docker-compose.yml with unresolved variables."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def gunicorn() -> dict[str, Any]:
    """The settings in gunicorn.conf.py."""
    path, defined = ROOT / "deploy" / "gunicorn.conf.py", dict[str, Any]()
    exec(compile(path.read_text(), str(path), "exec"), defined)  # noqa: S102
    return {name: value for name, value in defined.items() if not name.startswith("_")}


def directives(name: str, where: str = NGINX) -> list[str]:
    """All values of an nginx directive."""
    return re.findall(rf"^\s*{name}\s+([^;{{]+);", where, re.MULTILINE)


def block(head: str) -> str:
    """The body of the nginx block with this head."""
    [found] = re.findall(rf"^( *){re.escape(head)} {{\n(.*?)^\1}}", NGINX, re.MULTILINE | re.DOTALL)
    return str(found[1])


def seconds(text: str) -> float:
    """A time as nginx and Compose write it."""
    return float(text.removesuffix("s"))
