"""Requests that must be refused: what is sent, byte for byte, and the exact refusal."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.http.client import token
from tests.support.http.raw import request

DAY = 86400
ME = "mallory-of-the-bad-inputs"
ALL = f"/api/{ME}/tasks"
# What is sent names one of the sender's real tasks thus; its id is put in when it is sent.
TASK_ID = "THE-TASK-ID"
ONE = f"{ALL}/{TASK_ID}"
NOW = int(time.time())
SIGNED = f"Authorization: Bearer {token(ME, exp=NOW + DAY)}"
JSON = "Content-Type: application/json"
MERGE_PATCH = "Content-Type: application/merge-patch+json"


class Case(NamedTuple):
    """``allow`` is the whole ``Allow`` header that a 405 needs."""

    name: str
    sent: bytes
    status: int
    code: str
    allow: str = ""


def get(target: str, *lines: str) -> bytes:
    """A signed-in GET."""
    return request("GET", target, SIGNED, *lines)


def write(method: str, target: str, body: bytes, media: str = JSON) -> bytes:
    """A signed-in request with a body."""
    return request(method, target, SIGNED, media, body=body)


def refusals(kind: str, sent: Mapping[str, bytes], status: int, code: str) -> list[Case]:
    """One case for each of these, all refused alike."""
    return [Case(f"{kind}: {name}", data, status, code) for name, data in sent.items()]
