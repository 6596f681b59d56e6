"""Name servers that fail under the Compose stack fail no request once a name was resolved."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.command import ROOT
from tests.support.database import name_server
from tests.support.database.embedded_postgres import readable_folder
from tests.support.database.name_server import RESOLV_CONF, TROUBLES
from tests.support.stack.compose_stack import LIMITS, Stack, running_stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

OVERRIDE = """
services:
  api:
    volumes: ["{file}:/etc/resolv.conf:ro"]
"""
DOCKERS_OWN = "nameserver 127.0.0.11\noptions ndots:0\n"
SOURCE = Path(name_server.__file__).read_text()
FIND = "import socket; print(socket.gethostbyname('db'))"
TIMES = 6


@pytest.fixture(scope="module")
def resolv_conf() -> Iterator[Path]:
    """The file that the API's container reads as ``/etc/resolv.conf``."""
    with readable_folder() as folder:
        path = folder / "resolv.conf"
        path.write_text(DOCKERS_OWN)
        yield path


@pytest.fixture(scope="module")
def stack(resolv_conf: Path) -> Iterator[Stack]:
    """A stack whose API has one worker, and looks the database's name up for each message."""
    override = resolv_conf.with_name("override.yml")
    override.write_text(OVERRIDE.format(file=resolv_conf))
    files = f"{ROOT / 'docker-compose.yml'}:{override}"
    with running_stack(
        LIMITS, ROOT, COMPOSE_FILE=files, WORKERS="1", POOL_IDLE_SECONDS="0.001"
    ) as running:
        yield running


@contextmanager
def answering(stack: Stack, address: str, trouble: str) -> Iterator[Callable[[], None]]:
    """A name server in the API's container, and a function that begins its trouble."""
    words = ("docker", "compose", "exec", "-T", "api", "python", "-c", SOURCE, address, trouble)
    with subprocess.Popen(
        words,
        cwd=stack.clone,
        env={**os.environ, **stack.settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        questions, answers = process.stdin, process.stdout
        assert questions
        assert answers
        assert answers.readline() == "answers\n"

        def begin() -> None:
            print(file=questions, flush=True)
            assert answers
            assert answers.readline() == "begun\n"

        yield begin
        questions.close()


def lookups(stack: Stack) -> list[str]:
    """The events of failed look-ups and of recoveries that the API has logged."""
    events = (json.loads(line).get("event", "") for line in stack.logs("api")[0])
    return [event for event in events if event.startswith("name_lookup_")]


def recovered(stack: Stack, user: httpx.Client) -> bool:
    """Whether look-ups succeed, as of a request that needs one."""
    assert user.get("/tasks").status_code == 200
    return lookups(stack)[-1:] != ["name_lookup_failed"]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_failing_name_server_fails_no_request_once_the_name_was_resolved(
    stack: Stack, resolv_conf: Path, trouble: str
) -> None:
    resolv_conf.write_text(DOCKERS_OWN)
    address = stack.python(FIND)
    resolv_conf.write_text(RESOLV_CONF)
    with answering(stack, address, trouble) as begin, stack.user("patient") as user:
        wait_until(lambda: recovered(stack, user))
        before = len(lookups(stack))
        begin()
        statuses = []
        for number in range(TIMES):
            statuses.append(user.get("/tasks").status_code)
            statuses.append(user.post("/tasks", json={"title": f"task {number}"}).status_code)
        wait_until(lambda: "name_lookup_failed" in lookups(stack)[before:])

    assert statuses == [200, 201] * TIMES
