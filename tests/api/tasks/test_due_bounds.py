"""``due_from`` and ``due_before``: what is due on a day, at any offset, of both kinds of bounds."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.http.client import User

DAYS = st.dates(date(2026, 11, 26), date(2026, 11, 30))
OFFSETS = st.sampled_from([-720, -300, -1, 0, 60, 330, 840]).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
CLOCK = st.sampled_from([time(0), time(0, 0, 0, 1), time(12), time(23, 59, 59, 999_999)])
TIMES = st.builds(datetime.combine, DAYS, CLOCK, OFFSETS)
DUE = st.one_of(DAYS, TIMES)


def is_before(due: date, bound: date) -> bool:
    """The rule: days by day, times by instant, a day as midnight at the offset of the bound."""
    if not isinstance(bound, datetime):
        return (due.date() if isinstance(due, datetime) else due) < bound
    if not isinstance(due, datetime):
        due = datetime.combine(due, time(0), bound.tzinfo)
    return due < bound


@pytest.fixture(scope="module")
def carol(base_url: str) -> Iterator[User]:
    """A user whose tasks stay between examples."""
    with User(base_url, "carol-of-the-due-bounds") as user:
        yield user


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(due=DUE, bound=DUE)
def test_due_from_and_due_before_split_the_tasks_at_the_bound(
    carol: User, due: date, bound: date
) -> None:
    added = carol.add(due_date=due.isoformat())
    query = {"sort": "due_date"}
    before = carol.all(**query, due_before=bound.isoformat())
    after = carol.all(**query, due_from=bound.isoformat())
    ids = {task["id"]: task["due_date"] for task in carol.all()}

    assert (added in before, added in after) == (is_before(due, bound), not is_before(due, bound))
    assert {task["id"] for task in before} | {task["id"] for task in after} == set(ids)
    assert len(before) + len(after) == len(ids)


@pytest.mark.parametrize("offset", ["-05:00", "+00:00", "+14:00"])
def test_two_bounds_make_a_day_at_every_offset(alice: User, offset: str) -> None:
    for due in ("2026-11-27", "2026-11-28", "2026-11-29"):
        alice.add(due, due_date=due)
        alice.add(f"{due} noon", due_date=f"{due}T12:00:00{offset}")
    by_time = alice.all(
        due_from=f"2026-11-28T00:00:00{offset}", due_before=f"2026-11-29T00:00:00{offset}"
    )
    by_day = alice.all(due_from="2026-11-28", due_before="2026-11-29")

    assert {task["title"] for task in by_time} == {"2026-11-28", "2026-11-28 noon"}
    assert by_day == by_time


def test_a_bound_at_the_end_of_time_is_compared_without_overflow(alice: User) -> None:
    first, last = alice.add(due_date="0001-01-01"), alice.add(due_date="9999-12-31")

    assert alice.all(due_before="0001-01-01T12:00:00-12:00") == [first]
    assert alice.all(due_from="9999-12-31T00:00:00+14:00") == [last]


def test_due_after_is_an_unknown_parameter(alice: User) -> None:
    response = alice.get(alice.tasks, params={"due_after": "2026-11-28"})

    assert response.status_code == 422
    assert "due_from" in response.json()["detail"]
