"""Request ids, timing, and the one log line of a request."""

import re
import time
from typing import Any, BinaryIO

import httpx2 as httpx
import orjson
import pytest

from tests.support.http.client import User, check_response

PATIENCE = 10
LINE = {
    "ts": str,
    "level": str,
    "event": str,
    "request_id": str,
    "method": str,
    "route": str,
    "status": int,
    "duration_ms": float,
    "db_ms": float,
    "db_connect_ms": float,
    "db_round_trips": int,
    "db_retries": int,
    "db_reconnects": int,
    "operations": type(None),
    "bytes": int,
    "user_id": str,
    "traceparent": type(None),
    "code": type(None),
    "reason": type(None),
}


def line_of(response: httpx.Response, log: BinaryIO) -> dict[str, Any]:
    """The log line of an answer, which is written a moment after it; all lines are objects."""
    request_id, written = response.headers["x-request-id"], b""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        written += log.read()
        for line in map(orjson.loads, written.split(b"\n")[:-1]):  # the last may be half written
            if line.get("request_id") == request_id and line["event"] == "request":
                return dict(line, others=written.count(request_id.encode()) - 1)
    raise AssertionError(written)


def test_each_request_logs_one_line(alice: User, log: BinaryIO) -> None:
    alice.all()  # the first of all connects, which is a line of its own
    response = alice.get(f"{alice.tasks}?search=private")
    line = line_of(response, log)

    assert line.pop("others") == 0
    assert {name: type(value) for name, value in line.items()} == LINE
    assert (line["event"], line["level"], line["method"]) == ("request", "info", "GET")
    assert line["route"] == "/api/{user_id}/tasks"
    assert (line["status"], line["bytes"], line["db_round_trips"]) == (200, 2, 1)
    assert line["user_id"] == alice.user_id
    assert "private" not in str(line)


def test_head_logs_no_bytes(alice: User, log: BinaryIO) -> None:
    response = alice.head(alice.tasks)

    assert line_of(response, log)["bytes"] == 0


def test_reason_of_a_401_is_only_in_the_log(alice: User, log: BinaryIO) -> None:
    bad = alice.headers["authorization"][:-3] + "abc"
    response = alice.get(alice.tasks, headers={"Authorization": bad})
    line = line_of(response, log)

    assert (line["code"], line["reason"]) == ("token_invalid", "bad_signature")
    assert "signature" not in response.text
    assert bad[7:] not in str(line)


def test_unmatched_path_is_logged_as_unmatched(base_url: str, log: BinaryIO) -> None:
    response = httpx.get(f"{base_url}/private/path")
    line = line_of(response, log)

    assert line["route"] == "unmatched"
    assert "private" not in str(line)


def test_probes_are_not_logged(base_url: str, log: BinaryIO) -> None:
    headers = {"X-Request-ID": "the-same-for-both"}
    httpx.get(f"{base_url}/livez", headers=headers)
    line = line_of(httpx.get(f"{base_url}/nothing", headers=headers), log)

    assert (line["status"], line["others"]) == (404, 0)


@pytest.mark.parametrize("request_id", ["abcd.EF-12_", "x" * 64])
def test_valid_request_id_is_kept(alice: User, request_id: str) -> None:
    response = alice.get("/nothing", headers={"X-Request-ID": request_id})

    assert response.headers["x-request-id"] == request_id
    assert response.json()["request_id"] == request_id


@pytest.mark.parametrize("request_id", ["short", "x" * 65, 'quote"quote', "sp ace sp ace", "é" * 9])
def test_invalid_request_id_is_replaced(alice: User, request_id: str) -> None:
    response = alice.get("/nothing", headers=[(b"X-Request-ID", request_id.encode())])

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("traceparent", "logged"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", True),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        (f"00-{TRACE}-{PARENT}-01-more", False),
        (f"00-{TRACE[1:]}-{PARENT}-01", False),
    ],
)
def test_only_a_valid_traceparent_is_logged(
    alice: User,
    log: BinaryIO,
    traceparent: str,
    logged: bool,  # noqa: FBT001
) -> None:
    line = line_of(alice.get("/nothing", headers={"traceparent": traceparent}), log)

    assert line["traceparent"] == (traceparent if logged else None)


def test_server_timing_includes_the_database_time(alice: User) -> None:
    timing = alice.get(alice.tasks).headers["server-timing"]
    found = re.fullmatch(r"app;dur=(\d+\.\d), db;dur=(\d+\.\d)", timing)

    assert found
    assert float(found[1]) >= float(found[2]) > 0


def test_response_without_database_access_reports_zero_database_time(base_url: str) -> None:
    response = httpx.get(f"{base_url}/livez")

    check_response(response)
    assert response.headers["server-timing"].endswith("db;dur=0.0")
