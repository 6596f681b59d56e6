"""Hand-made bad requests: each gets its exact refusal, and none changes anything."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import pytest

from tests.api.bad_inputs import (
    JSON,
    ME,
    TASK_ID,
    Case,
    bodies,
    headers,
    methods,
    paths,
    queries,
    tokens,
)
from tests.support.http.client import User
from tests.support.http.raw import refused, request, status_of

CASES = [*paths.CASES, *methods.CASES, *queries.CASES, *bodies.CASES, *headers.CASES, *tokens.CASES]
CHALLENGE = 'Bearer realm="tasks"'
INVALID = f'{CHALLENGE}, error="invalid_token", error_description='
CHALLENGES = {
    "token_missing": CHALLENGE,
    "token_invalid": f'{INVALID}"The access token is invalid"',
    "token_expired": f'{INVALID}"The access token expired"',
}
Tasks = list[dict[str, Any]]


@pytest.fixture(scope="module")
def mallory(base_url: str) -> Iterator[User]:
    """The sender of all of it."""
    with User(base_url, ME) as user:
        yield user


@pytest.fixture(scope="module")
def before(mallory: User) -> Tasks:
    """The sender's tasks before anything is sent."""
    mallory.add("one", description="of three", due_date="2027-01-31", tags=["a"], completed=True)
    mallory.add("two", priority="high")
    mallory.add("three")
    return mallory.all()


@pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
def test_a_bad_input_gets_its_exact_refusal(case: Case, base_url: str, before: Tasks) -> None:
    sent = case.sent.replace(TASK_ID.encode(), str(before[0]["id"]).encode())

    status, found, problem = refused(base_url, sent)

    assert (status, problem.get("code", case.code)) == (case.status, case.code)
    assert found.get("allow", "") == case.allow
    assert found["www-authenticate"] == CHALLENGES.get(case.code)


def test_there_are_at_least_300_different_bad_inputs() -> None:
    assert len({case.sent for case in CASES}) == len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)
    assert not [case for case in CASES if case.status >= 500]


def test_after_all_of_it_nothing_is_lost_and_nothing_is_made(mallory: User, before: Tasks) -> None:
    assert mallory.all() == before


def test_what_follows_a_request_does_not_change_its_answer(alice: User) -> None:
    signed = f"Authorization: {alice.headers['Authorization']}"
    create = request("POST", alice.tasks, signed, JSON, body=b'{"title":"a task"}')

    status = status_of(str(alice.base_url), create + b"\0 no HTTP at all\r\n\r\n")

    assert (status, len(alice.all())) in {(201, 1), (400, 0)}
