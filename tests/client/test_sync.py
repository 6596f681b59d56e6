"""The documented offline-first client in Node.js."""

import json
from pathlib import Path

import pytest

from tests.support.frontend.node import output_of
from tests.support.frontend.sync_client import CLIENT, check_scenario, compile_scenario
from tests.support.http.client import User, token

PROGRAM = """import scenario from "./sync_scenario.js";
console.log(JSON.stringify(await scenario(JSON.parse(process.argv[2]))));
"""
MAX_LINES = 120


def test_the_documented_client_is_short() -> None:
    assert len(CLIENT.splitlines()) <= MAX_LINES


@pytest.mark.slow
def test_two_devices_that_are_offline_by_turns_converge(tmp_path: Path, alice: User) -> None:
    compile_scenario(tmp_path)
    (tmp_path / "program.js").write_text(PROGRAM)
    url = f"{alice.base_url}".rstrip("/") + alice.tasks
    argument = json.dumps({"url": url, "token": token(alice.user_id)})

    told = json.loads(output_of("node", "program.js", argument, cwd=tmp_path))

    check_scenario(told, alice.all())
