"""One stack for everything that is watched here: its database was slow, then users were at work."""

from collections.abc import Iterator

import pytest

from tests.support.command import running
from tests.support.observability.monitored_stack import LOAD_SECONDS, Watched, visited, watched
from tests.support.stack.stack import LIFTED, LIMITS


@pytest.fixture(scope="package")
def burnt() -> Iterator[Watched]:
    """A stack whose database was slow from the beginning, and at last too slow."""
    with watched(LIFTED) as found:
        with visited(found.stack, 12, pause=0.2):
            found.hold_table(turns=12, seconds=0.9)
        with visited(found.stack, 3):
            found.hold_table(turns=1, seconds=2.5)
        yield found


@pytest.fixture(scope="package")
def load(burnt: Watched) -> str:
    """What ``make load`` says after a minute on it, within the limits of everybody."""
    burnt.wait_for('ALERTS{alertstate="firing"}', lambda one: one == 1)
    burnt.stack.limit(LIMITS)
    with running(
        "make", "load", f"SECONDS={LOAD_SECONDS}", settings=burnt.stack.settings
    ) as command:
        command.process.wait(LOAD_SECONDS * 2)
        return command.output


@pytest.fixture(scope="package")
def site(burnt: Watched, load: str) -> Watched:
    """The stack after all that."""
    assert load
    return burnt
