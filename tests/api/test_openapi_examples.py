"""Every example of the OpenAPI document works: requests are accepted, responses match."""

from typing import Any
from uuid import uuid4

import httpx2 as httpx
import orjson
import pytest

from api.openapi.examples import TASK
from api.problems.problem import PROBLEM_JSON
from api.tasks.schemas import TaskCreate
from tests.support.http.client import User, token
from tests.support.http.openapi_validation import OPERATIONS, answers, check, check_answer
from tests.support.http.operations import BODIES, MISSING
from tests.support.http.server import make_settings, serve

GIVEN: dict[str, Any] = {name: TASK[name] for name in TaskCreate.model_fields}
OF_THE_MOMENT = {"id", "user_id", "created_at", "updated_at", "detail", "request_id", "next"}
TIMES = {"completed_at", "deleted_at"}
ON_THE_TRASH = {"list_trash", "restore_task", "erase_task"}
NOWHERE = "postgresql://user@127.0.0.1:1/none"
A_TASK = {"json": {"title": "a task"}}
EXAMPLE_BODIES = [
    (operation, media, name)
    for operation, (_, _, described) in OPERATIONS.items()
    for media, content in described.get("requestBody", {"content": {}})["content"].items()
    for name in content["examples"]
]
# Requests for each error that needs no database fault: the operation, and its options.
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "invalid_request": ("create_task", A_TASK | {"headers": {"Idempotency-Key": "a b"}}),
    "token_missing": ("list_tasks", {"headers": {"Authorization": ""}}),
    "token_invalid": ("read_task", {"headers": {"Authorization": "Bearer a.b.c"}}),
    "token_expired": ("delete_task", {"headers": {"Authorization": f"Bearer {token('a', exp=1)}"}}),
    "user_mismatch": ("create_task", A_TASK | {"url": "/api/another-user/tasks"}),
    "not_found": ("list_tasks", {"url": "/api/no%2Fbody/tasks"}),
    "task_not_found": ("complete_task", {}),
    "body_too_large": ("update_task", {"json": " " * 65_537}),
    "media_type": ("patch_task", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
    "validation": ("create_task", {"json": {}}),
}


def send(user: User, operation: str, task_id: int, **options: Any) -> httpx.Response:
    """A request for an operation on the user's own tasks."""
    method, path, _ = OPERATIONS[operation]
    own = path.replace("{user_id}", user.user_id).replace("{id}", str(task_id))
    return user.request(method, **({"url": own} | options))


def comparable(document: Any) -> Any:
    """What an answer and its example have in common."""
    if isinstance(document, list):
        return [comparable(entry) for entry in document]
    if not isinstance(document, dict):
        return document
    return {
        name: bool(value) if name in TIMES else comparable(value)
        for name, value in document.items()
        if name not in OF_THE_MOMENT
    }


def examples(operation: str, status: int, media: str) -> dict[str, Any]:
    """What the description shows for an answer."""
    shown = answers(operation)[status]["content"][media]["examples"]
    return {name: example["value"] for name, example in shown.items()}


def own(body: Any, task: dict[str, Any]) -> Any:
    """The body of an example, with the id and the version of this task."""
    if isinstance(body, dict):
        moved = {"id": task["id"], "if_match": task["updated_at"]}
        return {name: moved.get(name, own(value, task)) for name, value in body.items()}
    return [own(each, task) for each in body] if isinstance(body, list) else body


@pytest.fixture
def task(alice: User) -> dict[str, Any]:
    """The task of the examples."""
    return alice.add(**GIVEN)


@pytest.fixture
def task_id(task: dict[str, Any]) -> int:
    """Its id."""
    return int(task["id"])


@pytest.mark.parametrize(("operation", "media", "name"), EXAMPLE_BODIES)
def test_response_matches_the_example_of_the_same_name(
    operation: str, media: str, name: str, alice: User, task: dict[str, Any]
) -> None:
    body = OPERATIONS[operation][2]["requestBody"]["content"][media]["examples"][name]["value"]
    headers = {"Content-Type": media}

    content = orjson.dumps(own(body, task))
    response = send(alice, operation, task["id"], content=content, headers=headers)

    assert response.status_code == (201 if operation == "create_task" else 200)
    check_answer(operation, response)
    shown = examples(operation, response.status_code, "application/json")[name]
    assert comparable(response.json()) == comparable(shown)


@pytest.mark.parametrize(
    "operation", sorted(set(OPERATIONS) - {name for name, _, _ in EXAMPLE_BODIES})
)
def test_response_to_a_request_without_body_matches_its_example(
    operation: str, alice: User, task_id: int
) -> None:
    if operation in ON_THE_TRASH:
        send(alice, "delete_task", task_id)

    response = send(alice, operation, task_id)

    assert response.status_code == 200
    check_answer(operation, response)
    shown, *_ = examples(operation, 200, "application/json").values()
    assert comparable(response.json()) == comparable(shown)


def test_changes_since_an_earlier_answer_match_their_example(alice: User, task_id: int) -> None:
    since = send(alice, "read_changes", task_id).json()["next"]
    send(alice, "delete_task", task_id)

    response = send(alice, "read_changes", task_id, params={"since": since})

    check_answer("read_changes", response)
    shown = examples("read_changes", 200, "application/json")["since"]
    assert comparable(response.json()) == comparable(shown)


@pytest.mark.parametrize("code", REFUSED)
def test_error_response_matches_its_example(code: str, alice: User) -> None:
    operation, options = REFUSED[code]

    response = send(alice, operation, MISSING, **options)

    assert response.json()["code"] == code
    check_answer(operation, response)
    shown = examples(operation, response.status_code, PROBLEM_JSON)[code]
    assert comparable(response.json()) == comparable(shown)


def test_replayed_idempotency_key_response_matches_its_description(alice: User) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first, again, other = (
        send(alice, "create_task", MISSING, json={"title": title}, headers=key)
        for title in ("one", "one", "another")
    )

    for response in (first, again, other):
        check_answer("create_task", response)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency_mismatch"


def test_page_with_a_next_link_matches_its_description(alice: User, task_id: int) -> None:
    alice.add()

    response = send(alice, "list_tasks", task_id, params={"limit": 1})

    assert "Link" in response.headers
    check_answer("list_tasks", response)


@pytest.mark.slow
def test_unavailable_database_response_matches_its_description() -> None:
    bodies = {"create_task": A_TASK, "update_task": A_TASK, "patch_task": A_TASK}
    bodies["apply_batch"] = {"json": BODIES["apply_batch"]}
    with serve(make_settings(database_url=NOWHERE)) as url, User(url, "alice") as user:
        for operation in OPERATIONS:
            response = send(user, operation, 1, **bodies.get(operation, {}))

            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
            check_answer(operation, response)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_example_is_valid_for_its_schema(operation: str) -> None:
    described = OPERATIONS[operation][2]
    holders = [*answers(operation).values(), described.get("requestBody", {"content": {}})]
    contents = [content for h in holders for content in h.get("content", {}).values()]

    assert all(content["examples"] for content in contents)
    for content in contents:
        for example in content["examples"].values():
            check(content["schema"], example["value"])
