"""One stack for everything that is watched here: its database was slow, then users were at work."""

from collections.abc import Iterator

import pytest

from tests.observability.monitored_stack import (
    LOAD_SECONDS,
    MonitoredStack,
    monitored_stack,
    user_traffic,
)
from tests.support.command import running
from tests.support.stack.compose_stack import LIMITS, NO_LIMITS


@pytest.fixture(scope="package")
def burnt() -> Iterator[MonitoredStack]:
    """A stack whose database was slow from the beginning, and at last too slow."""
    with monitored_stack(NO_LIMITS) as found:
        with user_traffic(found.stack, 12, pause=0.2):
            found.lock_task_table(turns=12, seconds=0.9)
        with user_traffic(found.stack, 3):
            found.lock_task_table(turns=1, seconds=2.5)
        yield found


@pytest.fixture(scope="package")
def load(burnt: MonitoredStack) -> str:
    """What ``make load`` says after a minute on it, within the limits of everybody."""
    burnt.wait_for('ALERTS{alertstate="firing"}', lambda one: one == 1)
    burnt.stack.set_limits(LIMITS)
    with running(
        "make", "load", f"SECONDS={LOAD_SECONDS}", settings=burnt.stack.settings
    ) as command:
        command.process.wait(LOAD_SECONDS * 2)
        return command.output


@pytest.fixture(scope="package")
def site(burnt: MonitoredStack, load: str) -> MonitoredStack:
    """The stack after all that."""
    assert load
    return burnt
