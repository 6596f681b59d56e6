"""Hostile requests through the whole stack: metrics and logs stay bounded, others are served."""

import json

import pytest

from tests.deploy.hostile_requests import huge, plain, requests, send, slow
from tests.support.observability.metrics import series
from tests.support.stack.compose_stack import Stack

pytestmark = pytest.mark.slow

SLOW_CLIENTS = 500
LINE_BYTES = 4000
SERIES = 1500


def test_hostile_requests_affect_neither_other_users_nor_the_number_of_series(
    lifted: Stack,
) -> None:
    with lifted.user("bystander") as bystander:
        bystander.get("/tasks")
        send(lifted, *plain(), *requests(seed=1, count=300))  # creates every possible series
        before = series(lifted.metrics())
        with slow(lifted, SLOW_CLIENTS):
            answers = send(lifted, *requests(seed=2, count=600))
            [too_much] = send(lifted, huge())
            statuses = [bystander.get("/tasks").status_code for _ in range(20)]
    after = series(lifted.metrics())
    print(len(before), "series,", len(after - before), "more:", sorted(after - before))

    assert {begin[:10] for begin in answers} <= {b"HTTP/1.1 2", b"HTTP/1.1 4"}
    assert too_much[:10] in {b"HTTP/1.1 4", b""}
    assert statuses == [200] * 20
    assert len(after - before) <= 3
    assert len(after) <= SERIES


@pytest.mark.parametrize("service", ["api", "nginx"])
def test_every_log_line_is_a_short_json_object(lifted: Stack, service: str) -> None:
    send(lifted, *requests(seed=3, count=100), huge())
    output, errors = lifted.logs(service)
    longest = max(len(line.encode()) for line in output)
    print(service, len(output), "lines, the longest of", longest, "bytes")

    assert errors == []
    assert {type(json.loads(line)) for line in output} == {dict}
    assert longest <= LINE_BYTES
    assert not any("search=secret" in line for line in output)
