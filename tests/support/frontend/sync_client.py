"""The documented offline-first client, and a scenario in which two devices use it."""

import shutil
from pathlib import Path
from typing import Any

from tests.support.command import ROOT
from tests.support.documents import block
from tests.support.frontend.node import output_of, require_node
from tests.support.frontend.typescript import compile_typescript

CLIENT = block("api/README.md", "import type { components }")
SCENARIO = ROOT / "tests" / "client" / "sync_scenario.ts"


def compile_scenario(folder: Path) -> None:
    """Write ``sync.js`` and ``sync_scenario.js``, whose default function is the scenario."""
    require_node()
    output_of("make", "client", f"OUT={folder / 'tasks-api.d.ts'}", cwd=ROOT)
    (folder / "sync.ts").write_text(CLIENT)
    shutil.copy(SCENARIO, folder)
    compile_typescript(folder, SCENARIO.name)


def check_scenario(told: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
    """Check the result of the scenario; ``tasks`` are those of the API at its end."""
    seen = {step: {task["title"]: task for task in shown} for step, shown in told["seen"].items()}
    reasons = [(refused["operation"]["op"], refused["reason"]) for refused in told["refused"]]
    merged = seen["merged"]["Buy oats"]

    assert not seen["ghost"]
    assert [task["title"] for task in told["seen"]["unknown"]].count("Fly a kite") == 1
    assert "Fly a kite" in seen["undone"]
    assert [refused["operation"]["id"] for refused in told["unknown"]] == [-9]
    assert seen["offline"].keys() == seen["first"].keys() == {"Buy milk", "Call Ann"}
    assert (
        seen["offline"]["Buy milk"]["priority"] == seen["first"]["Buy milk"]["priority"] == "high"
    )
    assert {*merged["tags"]} == {"urgent", "shop"}
    assert merged["completed"] is True
    assert told["failed"] is True
    assert [task["title"] for task in told["seen"]["repeated"]].count("Pay rent") == 1
    assert seen["erased"].keys() == {"Buy oats", "Pay rent"}
    assert seen["deleted"].keys() == {"Buy oats", "Water flowers"}
    assert seen["restored"].keys() == {"Buy oat milk", "Feed the cat"}
    assert seen["full"].keys() >= {"Mop", "Sweep"}
    assert [op for op, _ in reasons] == ["update", "create", "update", "create", "create", "update"]
    assert told["left"] == 0
    assert all(reason for _, reason in reasons)
    assert {*told["answers"]} >= {"410", "412", "422", "replayed"}
    by_id = [sorted(told[name], key=lambda task: task["id"]) for name in ("phone", "laptop")]
    assert by_id == [sorted(tasks, key=lambda task: task["id"])] * 2
