"""The JSON that the documents show is what the API answers."""

import json
import re

from tests.support.documents import block
from tests.support.http.client import User

TASK = json.loads(block("api/README.md", '{\n  "id"'))
PROBLEM = json.loads(block("api/README.md", '{\n  "type"'))
MADE = {"title", "tags", "due_date"}


def form(value: object) -> object:
    """A text with its numbers alike, so that times of one form are equal; else the type."""
    return re.sub(r"\.?\d+", "0", value) if isinstance(value, str) else type(value)


def test_a_task_looks_as_the_example(alice: User) -> None:
    made = alice.add(**{name: TASK[name] for name in MADE})

    assert list(made) == list(TASK)
    assert {name: made[name] for name in MADE} == {name: TASK[name] for name in MADE}
    for name in made.keys() - {"user_id"}:
        assert form(made[name]) == form(TASK[name])


def test_an_error_looks_as_the_example(alice: User) -> None:
    refused = alice.post(alice.tasks, json={}, headers={"X-Request-ID": PROBLEM["request_id"]})

    assert refused.json() == PROBLEM
