"""A slow database, before anything else happens to the stack: fast answers would dilute it."""

import pytest

from tests.observability.monitored_stack import MonitoredStack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def test_a_slow_database_burns_the_latency_budget(burnt: MonitoredStack) -> None:
    burnt.wait_for_panel("Latency", lambda seconds: seconds > 0.5, "p99")
    burnt.wait_for_panel("Burn rate", lambda burn: burn > 14.4, "latency")
    firing = 'ALERTS{alertname="LatencyErrorBudgetBurn",severity="page",alertstate="firing"}'
    burnt.wait_for(firing, lambda one: one == 1)
    burnt.wait_for_panel("Alerts firing", lambda alerts: alerts > 0)
    wait_until(lambda: "LatencyErrorBudgetBurn" in burnt.alerts())
