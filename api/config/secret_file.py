"""Settings read from a file, as Docker Compose and Kubernetes mount secrets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def from_file(name: str, data: Mapping[str, Any]) -> str:
    """The content of the file named by ``NAME_FILE``; raises ``ValueError`` if unusable."""
    if name in data:
        message = f"{name.upper()} and {name.upper()}_FILE are both set: keep one"
        raise ValueError(message)
    path = Path(data[f"{name}_file"])
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"{name.upper()}_FILE: {path} cannot be read ({error.strerror})"
        raise ValueError(message) from None
    except UnicodeDecodeError:
        message = f"{name.upper()}_FILE: {path} must be text in UTF-8"
        raise ValueError(message) from None
    if not value:
        message = f"{name.upper()}_FILE: {path} is empty"
        raise ValueError(message)
    return value
