"""Invalid requests, byte for byte, each with the status and the code it must get."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.http.client import token
from tests.support.http.raw_http import request

DAY = 86400
ME = "mallory-of-the-bad-inputs"
ALL = f"/api/{ME}/tasks"
# Stands for the id of an existing task of the sender; replaced before the request is sent.
TASK_ID = "THE-TASK-ID"
ONE = f"{ALL}/{TASK_ID}"
NOW = int(time.time())
AUTHORIZED = f"Authorization: Bearer {token(ME, exp=NOW + DAY)}"
JSON = "Content-Type: application/json"
MERGE_PATCH = "Content-Type: application/merge-patch+json"


class Case(NamedTuple):
    """``allow`` is the exact ``Allow`` header of a 405."""

    name: str
    sent: bytes
    status: int
    code: str
    allow: str = ""


def get(target: str, *lines: str) -> bytes:
    """A GET with a valid token."""
    return request("GET", target, AUTHORIZED, *lines)


def write(method: str, target: str, body: bytes, media: str = JSON) -> bytes:
    """A request with a valid token and a body."""
    return request(method, target, AUTHORIZED, media, body=body)


def cases(kind: str, sent: Mapping[str, bytes], status: int, code: str) -> list[Case]:
    """One case for each request; all get the same status and code."""
    return [Case(f"{kind}: {name}", data, status, code) for name, data in sent.items()]
