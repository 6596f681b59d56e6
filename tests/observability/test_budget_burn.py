"""A slow database; this runs before the load, because fast answers would dilute the ratio."""

import pytest

from tests.observability.monitored_stack import MonitoredStack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def test_a_slow_database_burns_the_latency_budget(slow_stack: MonitoredStack) -> None:
    slow_stack.wait_for_panel("Latency", lambda seconds: seconds > 0.5, "p99")
    slow_stack.wait_for_panel("Burn rate", lambda burn: burn > 14.4, "latency")
    firing = 'ALERTS{alertname="LatencyErrorBudgetBurn",severity="page",alertstate="firing"}'
    slow_stack.wait_for(firing, lambda one: one == 1)
    slow_stack.wait_for_panel("Firing alerts", lambda alerts: alerts > 0)
    wait_until(lambda: "LatencyErrorBudgetBurn" in slow_stack.alerts())
