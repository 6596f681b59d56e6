"""The states of one task that the API's answers allow."""

import time
from dataclasses import dataclass, field
from typing import Any

# A write without an answer may still be applied, late: the longest silence of the network in
# this rig, and the statement's own time.
SETTLED_SECONDS = 10


@dataclass
class Row:
    """A task that was promised: what it may be like, given the promises and the silences."""

    title: str
    descriptions: set[str | None] = field(default_factory=lambda: {None})
    completed: set[bool] = field(default_factory=lambda: {False})
    gone: set[bool] = field(default_factory=lambda: {False})
    left_open: dict[str, float] = field(default_factory=dict)
    toggled: float = -SETTLED_SECONDS

    def is_like(self, task: Any) -> bool:
        """Whether an answer shows it as it was promised."""
        as_promised = task["description"] in self.descriptions
        return as_promised and task["completed"] in self.completed and task["title"] == self.title

    def still_open(self) -> set[str]:
        """The descriptions that were left open, and may come true yet."""
        since = time.monotonic() - SETTLED_SECONDS
        return {text for text, sent in self.left_open.items() if sent > since}
