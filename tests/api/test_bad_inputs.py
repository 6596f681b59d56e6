"""Handwritten invalid requests: each gets its exact error, and none changes anything."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import pytest

from tests.api.bad_inputs import (
    JSON,
    ME,
    TASK_ID,
    Case,
    batches,
    bodies,
    headers,
    methods,
    paths,
    queries,
    tokens,
)
from tests.support.http.client import User
from tests.support.http.raw_http import refusal, request, status_of

MODULES = (paths, methods, queries, bodies, headers, tokens, batches)
CASES = [case for module in MODULES for case in module.CASES]
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
    """The sender of every case."""
    with User(base_url, ME) as user:
        yield user


@pytest.fixture(scope="module")
def before(mallory: User) -> Tasks:
    """The sender's tasks before the first case."""
    mallory.add("one", description="of three", due_date="2027-01-31", tags=["a"], completed=True)
    mallory.add("two", priority="high")
    mallory.add("three")
    return mallory.all()


@pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
def test_an_invalid_request_gets_its_exact_error(case: Case, base_url: str, before: Tasks) -> None:
    sent = case.sent.replace(TASK_ID.encode(), str(before[0]["id"]).encode())

    status, found, problem = refusal(base_url, sent)

    assert (status, problem.get("code", case.code)) == (case.status, case.code)
    assert found.get("allow", "") == case.allow
    assert found["www-authenticate"] == CHALLENGES.get(case.code)


def test_there_are_at_least_600_distinct_invalid_requests() -> None:
    assert len({case.sent for case in CASES}) == len(CASES) >= 600
    assert len({case.name for case in CASES}) == len(CASES)
    assert not [case for case in CASES if case.status >= 500]


def test_invalid_requests_change_no_task(mallory: User, before: Tasks) -> None:
    assert mallory.all() == before


def test_bytes_after_a_request_do_not_change_its_response(alice: User) -> None:
    signed = f"Authorization: {alice.headers['Authorization']}"
    create = request("POST", alice.tasks, signed, JSON, body=b'{"title":"a task"}')

    status = status_of(str(alice.base_url), create + b"\0 no HTTP at all\r\n\r\n")

    assert (status, len(alice.all())) in {(201, 1), (400, 0)}
