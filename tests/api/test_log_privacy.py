"""Data that users send appears neither in the log nor in the metrics."""

from collections.abc import Callable
from typing import BinaryIO

import httpx2 as httpx

from tests.support.http.client import User
from tests.support.http.operations import operations

CANARIES = ["canary-title", "canary-note", "canary-tag", "canary-search", "canary-key", "canary-id"]
TASK = {"title": "canary-title", "description": "canary-note", "tags": ["canary-tag"]}


def test_no_operation_writes_request_data_to_log_or_metrics(
    new_user: Callable[[], User], base_url: str, log: BinaryIO
) -> None:
    alice, bob = new_user(), new_user()
    log.read()
    for operation in operations():
        task = alice.add("canary-title", description="canary-note", tags=["canary-tag"])
        for user in (alice, bob):
            for query, key in (("", "canary-key"), ("?search=canary-search&x=1", "canary key")):
                body = {"completed": True} if operation.name == "complete_task" else TASK
                options = {"json": body} if operation.takes_body else {}
                headers = {"Idempotency-Key": key, "Cookie": "session=canary-id"}
                operation.send(user, alice.user_id, task["id"], query, headers=headers, **options)
    alice.get(f"{alice.tasks}?search=canary-search")
    last = alice.get("/canary-id", headers={"X-Request-ID": "the-last-one-of-all"})
    written = b""
    while b"the-last-one-of-all" not in written:
        written += log.read()
    counted = httpx.get(f"{base_url}/metrics").text
    secret = alice.headers["authorization"].split()[1]

    assert last.status_code == 404
    for text in (written.decode(), counted):
        assert [word for word in (*CANARIES, secret, secret.split(".")[2]) if word in text] == []
    assert alice.user_id in written.decode()
    assert alice.user_id not in counted
