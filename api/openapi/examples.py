"""Example requests and responses of the OpenAPI document.

Each request is paired with its response, so that a test can send one and expect the other.
"""

from typing import Any

from api.tasks.feed_position import Position

TASK = {
    "id": 1,
    "user_id": "alice",
    "title": "Buy milk",
    "description": "Two litres.",
    "completed": False,
    "completed_at": None,
    "priority": "medium",
    "due_date": "2026-12-01",
    "tags": ["home"],
    "created_at": "2026-11-22T09:30:00.123456+00:00",
    "updated_at": "2026-11-22T09:30:00.123456+00:00",
}
LATER = "2026-11-23T18:00:00.654321+00:00"
CHANGED = TASK | {"updated_at": LATER}
DONE = CHANGED | {"completed": True, "completed_at": LATER}
PLAIN = TASK | {"description": None, "due_date": None, "tags": []}
GONE = CHANGED | {"deleted_at": LATER}
PARTY = {
    "title": "Plan the party",
    "description": None,
    "completed": True,
    "priority": "high",
    "due_date": "2026-12-24T18:00:00+01:00",
    "tags": ["home", "friends"],
}


def _changes(change: dict[str, Any]) -> dict[str, Any]:
    position = Position(change["updated_at"])
    return {"changes": [change], "next": position.encode(), "more": False}


HIGH = {"priority": "high"}
CHANGES = {
    "priority": (HIGH, CHANGED | HIGH),
    "clear": (
        {"description": None, "due_date": None},
        CHANGED | {"description": None, "due_date": None},
    ),
}
# By operation and example name: the request body, sent to the path of TASK, and the response body.
EXAMPLES: dict[str, dict[str, tuple[Any, Any]]] = {
    "list_tasks": {"page": (None, [TASK])},
    "create_task": {
        "title_alone": (
            {"title": "Buy milk"},
            PLAIN,
        ),
        "everything": (PARTY, TASK | PARTY | {"completed_at": TASK["created_at"]}),
    },
    "read_changes": {
        "everything": (None, _changes(TASK | {"deleted": False})),
        "since": (None, _changes({"id": TASK["id"], "deleted": True, "updated_at": LATER})),
    },
    "apply_batch": {
        "create_and_update": (
            {
                "operations": [
                    {"op": "create", "task": {"title": "Buy milk"}},
                    {
                        "op": "update",
                        "id": TASK["id"],
                        "changes": {"priority": "high"},
                        "if_match": TASK["updated_at"],
                    },
                ]
            },
            {"tasks": [PLAIN | {"deleted_at": None}, CHANGED | HIGH | {"deleted_at": None}]},
        ),
        "delete": (
            {"operations": [{"op": "delete", "id": TASK["id"]}]},
            {"tasks": [CHANGED | {"deleted_at": LATER}]},
        ),
    },
    "read_task": {"task": (None, TASK)},
    "update_task": CHANGES,
    "patch_task": CHANGES,
    "delete_task": {"task": (None, TASK)},
    "list_trash": {"page": (None, [GONE])},
    "restore_task": {"task": (None, CHANGED)},
    "erase_task": {"task": (None, GONE)},
    "complete_task": {
        "toggle": ({}, DONE),
        "complete": ({"completed": True}, DONE),
        "reopen": ({"completed": False}, CHANGED),
    },
}
