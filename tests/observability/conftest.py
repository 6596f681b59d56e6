"""One Compose stack with its monitoring: first with a slow database, then under a normal load."""

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
def slow_stack() -> Iterator[MonitoredStack]:
    """A stack whose database was slow from the beginning, and in the end exceeded its deadline."""
    with monitored_stack(NO_LIMITS) as found:
        with user_traffic(found.stack, 12, pause=0.2):
            found.lock_task_table(turns=12, seconds=0.9)
        with user_traffic(found.stack, 3):
            found.lock_task_table(turns=1, seconds=2.5)
        yield found


@pytest.fixture(scope="package")
def load(slow_stack: MonitoredStack) -> str:
    """The output of ``make load`` after a minute on that stack, with the default rate limits."""
    slow_stack.wait_for('ALERTS{alertstate="firing"}', lambda one: one == 1)
    slow_stack.stack.set_limits(LIMITS)
    with running(
        "make", "load", f"SECONDS={LOAD_SECONDS}", settings=slow_stack.stack.settings
    ) as command:
        command.process.wait(LOAD_SECONDS * 2)
        return command.output


@pytest.fixture(scope="package")
def site(slow_stack: MonitoredStack, load: str) -> MonitoredStack:
    """The stack after the load."""
    assert load
    return slow_stack
