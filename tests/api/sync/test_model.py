"""All operations in any order, compared with dictionaries (Hypothesis, stateful)."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.api.sync.batch_rules import BatchRules
from tests.api.sync.feed_rules import FeedRules
from tests.api.sync.read_rules import ReadRules
from tests.api.sync.single_rules import SingleRules
from tests.support.http.client import User

STEPS = 50  # of an example, at most


@pytest.mark.parametrize(
    ("examples", "least"), [(10, 250), pytest.param(130, 5000, marks=pytest.mark.slow)]
)
def test_operations_agree_with_dictionaries(
    examples: int, least: int, new_user: Callable[[], User]
) -> None:
    class Machine(SingleRules, BatchRules, ReadRules, FeedRules):
        make_user = staticmethod(new_user)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[*HealthCheck],
        ),
    )

    print(f"\n{Machine.steps} steps, answers {dict(Machine.statuses)}")
    assert Machine.steps >= least
    assert {200, 201, 304, 404, 412} <= Machine.statuses.keys()
