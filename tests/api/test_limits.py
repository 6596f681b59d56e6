"""Limits of time end one inside the other, or the start says which does not."""

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
def test_a_limit_beyond_the_one_around_it_is_named(limits: dict[str, str], given: Set) -> None:
    given(**limits)

    sentence = refusal()
    assert sentence.startswith("STATEMENT_TIMEOUT_SECONDS must not exceed")
    assert "\n" not in sentence


def test_limits_may_be_equal(given: Set) -> None:
    names = ("STATEMENT_TIMEOUT", "DATABASE_DEADLINE", "CONNECT_DEADLINE", "REQUEST_DEADLINE")
    given(**{f"{name}_SECONDS": "3" for name in names})

    assert load().request_deadline_seconds == 3
