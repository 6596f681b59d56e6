"""Time limits must be nested; the startup error names the one that is not."""

import pytest

from api.config.settings import load
from tests.api.conftest import Set
from tests.api.test_settings import refusal


@pytest.mark.parametrize(
    "limits",
    [
        {"STATEMENT_TIMEOUT_SECONDS": "2.1"},
        {"DATABASE_DEADLINE_SECONDS": "10.1"},
        {"CONNECT_DEADLINE_SECONDS": "10.1"},
        {"POOL_WAIT_SECONDS": "10.1"},
        {"REQUEST_DEADLINE_SECONDS": "4.9"},
    ],
)
def test_time_limit_above_its_enclosing_limit_is_refused(
    limits: dict[str, str], given: Set
) -> None:
    given(**limits)

    sentence = refusal()
    assert sentence.startswith("STATEMENT_TIMEOUT_SECONDS must not exceed")
    assert "\n" not in sentence


def test_equal_time_limits_are_accepted(given: Set) -> None:
    names = ("STATEMENT_TIMEOUT", "DATABASE_DEADLINE", "CONNECT_DEADLINE", "REQUEST_DEADLINE")
    given(**{f"{name}_SECONDS": "3" for name in names})

    assert load().request_deadline_seconds == 3
