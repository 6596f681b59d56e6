"""Example requests and responses of the OpenAPI document.

Each request is paired with its response, so that a test can send one and expect the other.
"""

from typing import Any

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
PARTY = {
    "title": "Plan the party",
    "description": None,
    "completed": True,
    "priority": "high",
    "due_date": "2026-12-24T18:00:00+01:00",
    "tags": ["home", "friends"],
}

CHANGES = {
    "priority": ({"priority": "high"}, CHANGED | {"priority": "high"}),
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
            TASK | {"description": None, "due_date": None, "tags": []},
        ),
        "everything": (PARTY, TASK | PARTY | {"completed_at": TASK["created_at"]}),
    },
    "read_task": {"task": (None, TASK)},
    "update_task": CHANGES,
    "patch_task": CHANGES,
    "delete_task": {"task": (None, TASK)},
    "complete_task": {
        "toggle": ({}, DONE),
        "complete": ({"completed": True}, DONE),
        "reopen": ({"completed": False}, CHANGED),
    },
}
