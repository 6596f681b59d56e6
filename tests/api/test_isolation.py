"""No operation gives a user access to the tasks of another user."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from api.web.user_route import UserRoute
from tests.api import isolation_attacks as attacks
from tests.support.http.client import User, token
from tests.support.http.operations import (
    MISSING,
    Operation,
    is_problem,
    operations,
    routes,
    user_ids_in,
    without_request_id,
)

PUBLIC = {
    "/docs",
    "/docs/{asset}",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi.json",
    "/readyz",
    "/startupz",
}
ALL = operations()
Forge = Callable[[str], str]
Write = Callable[[str, str], str]

each_operation = pytest.mark.parametrize("operation", ALL, ids=str)
with_a_body = pytest.mark.parametrize("operation", [o for o in ALL if o.takes_body], ids=str)
naming_a_task = pytest.mark.parametrize("operation", [o for o in ALL if o.takes_id], ids=str)


@pytest.fixture(scope="module")
def alice(base_url: str) -> Iterator[User]:
    """The victim, whose user id has other spellings, and who has two tasks."""
    with User(base_url, f"Ålice-{uuid4().hex}") as user:
        user.add("a secret", description="of Alice alone", tags=["hers"])
        user.add("another secret", completed=True)
        yield user


@pytest.fixture(scope="module")
def bob(base_url: str) -> Iterator[User]:
    """The attacker."""
    with User(base_url, f"bob-{uuid4().hex}") as user:
        yield user


@pytest.fixture(scope="module")
def stranger(base_url: str) -> Iterator[User]:
    """A client without a token."""
    with User(base_url, "anonymous") as user:
        del user.headers["Authorization"]
        yield user


@pytest.fixture(scope="module")
def secret(alice: User) -> int:
    """The id of one of Alice's tasks."""
    return int(alice.all()[0]["id"])


@pytest.fixture(autouse=True)
def _alice_keeps_her_tasks(alice: User) -> Iterator[None]:
    before = alice.all()
    yield

    assert len(before) == 2
    assert alice.all() == before


def test_every_route_checks_the_user() -> None:
    guarded = [
        isinstance(route, UserRoute)
        for route in routes()
        if getattr(route, "path", "") not in PUBLIC
    ]

    assert len(guarded) >= 9
    assert all(guarded)


def test_only_the_listed_routes_are_public() -> None:
    assert {
        getattr(route, "path", "") for route in routes() if not isinstance(route, UserRoute)
    } == PUBLIC


@each_operation
def test_users_can_use_every_operation_on_their_own_tasks(operation: Operation, bob: User) -> None:
    response = operation.send(bob, bob.user_id, operation.task_of(bob))

    assert response.status_code == operation.status
    assert user_ids_in(response) <= {bob.user_id}


@each_operation
def test_request_without_a_token_gets_401(
    operation: Operation, stranger: User, alice: User, secret: int
) -> None:
    response = operation.send(stranger, quote(alice.user_id), secret)

    assert is_problem(response, 401, "token_missing")


@each_operation
@pytest.mark.parametrize("task", ["hers", MISSING, "abc"])
@pytest.mark.parametrize("options", attacks.BAD_BODIES.values(), ids=attacks.BAD_BODIES)
def test_path_of_another_user_gets_403_before_validation(
    operation: Operation, task: object, options: dict[str, Any], bob: User, alice: User, secret: int
) -> None:
    response = operation.send(
        bob, quote(alice.user_id), secret if task == "hers" else task, "?limit=0", **options
    )

    assert is_problem(response, 403, "user_mismatch")


@each_operation
def test_existing_user_is_indistinguishable_from_a_missing_one(
    operation: Operation, bob: User, alice: User, secret: int
) -> None:
    existing = operation.send(bob, quote(alice.user_id), secret)
    missing = operation.send(bob, "missing-user", secret)

    assert without_request_id(existing) == without_request_id(missing)


@naming_a_task
def test_task_of_another_user_is_indistinguishable_from_a_missing_one(
    operation: Operation, bob: User, secret: int
) -> None:
    foreign = operation.send(bob, bob.user_id, secret)
    missing = operation.send(bob, bob.user_id, MISSING)

    assert is_problem(foreign, 404, "task_not_found")
    assert without_request_id(foreign) == without_request_id(missing)


@each_operation
@pytest.mark.parametrize("forge", attacks.FORGED.values(), ids=attacks.FORGED)
def test_forged_token_gets_401(
    operation: Operation, forge: Forge, stranger: User, alice: User, bob: User, secret: int
) -> None:
    for user in (alice, bob):
        stolen = {"Authorization": f"Bearer {forge(user.user_id)}"}
        response = operation.send(stranger, quote(user.user_id), secret, headers=stolen)

        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@each_operation
def test_two_credentials_are_refused(
    operation: Operation, stranger: User, alice: User, bob: User, secret: int
) -> None:
    both = [("Authorization", f"Bearer {token(user.user_id)}") for user in (alice, bob)]
    for headers in (both, both[::-1]):
        response = operation.send(stranger, quote(alice.user_id), secret, headers=headers)

        assert is_problem(response, 400, "invalid_request")


@each_operation
@pytest.mark.parametrize("respell", attacks.NAMESAKES.values(), ids=attacks.NAMESAKES)
def test_similar_user_id_is_a_different_user(
    operation: Operation, respell: Forge, stranger: User, alice: User, secret: int
) -> None:
    name = respell(alice.user_id)
    own = {"Authorization": f"Bearer {token(name)}"}

    response = operation.send(stranger, quote(alice.user_id), secret, headers=own)

    assert name != alice.user_id
    assert is_problem(response, 403, "user_mismatch")


@each_operation
@pytest.mark.parametrize("write", attacks.OTHER_SEGMENTS.values(), ids=attacks.OTHER_SEGMENTS)
def test_path_is_not_rewritten_to_the_path_of_the_caller(
    operation: Operation, write: Write, bob: User, alice: User, secret: int
) -> None:
    response = operation.send(bob, write(quote(alice.user_id), bob.user_id), secret)

    assert is_problem(response, 403, "user_mismatch")


@each_operation
@pytest.mark.parametrize("write", attacks.NO_SEGMENTS.values(), ids=attacks.NO_SEGMENTS)
def test_path_is_not_normalized(
    operation: Operation, write: Write, bob: User, alice: User, secret: int
) -> None:
    response = operation.send(bob, write(quote(alice.user_id), bob.user_id), secret)

    assert is_problem(response, 404, "not_found")


@each_operation
@pytest.mark.parametrize("header", attacks.HEADERS)
def test_header_cannot_change_the_user_or_the_method(
    operation: Operation, header: str, bob: User, alice: User
) -> None:
    task = operation.task_of(bob)
    value = attacks.HEADERS[header](quote(alice.user_id))

    response = operation.send(bob, bob.user_id, task, headers={header: value})

    assert response.status_code == operation.status
    assert user_ids_in(response) <= {bob.user_id}
    assert (bob.get(bob.one(task)).status_code == 404) == (operation.method == "DELETE")


@each_operation
@pytest.mark.parametrize("query", attacks.QUERIES.values(), ids=attacks.QUERIES)
def test_query_cannot_name_another_user_or_method(
    operation: Operation, query: Forge, bob: User, alice: User
) -> None:
    response = operation.send(bob, bob.user_id, bob.add()["id"], query(quote(alice.user_id)))

    assert is_problem(response, 422, "validation")


@with_a_body
@pytest.mark.parametrize("member", ["user_id", "id", "owner"])
def test_body_cannot_name_another_user_or_task(
    operation: Operation, member: str, bob: User, alice: User, secret: int
) -> None:
    body = {"title": "taken", member: secret if member == "id" else alice.user_id}
    response = operation.send(bob, bob.user_id, bob.add()["id"], json=body)

    assert is_problem(response, 422, "validation")


def test_idempotency_keys_of_two_users_are_independent(alice: User, bob: User) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    hers = alice.post(alice.tasks, json={"title": "hers"}, headers=key)
    his = bob.post(bob.tasks, json={"title": "his"}, headers=key)
    alice.delete(alice.one(hers.json()["id"]))

    assert (hers.status_code, his.status_code) == (201, 201)
    assert his.json()["user_id"] == bob.user_id
    assert "Idempotency-Replayed" not in his.headers


def test_cursor_of_another_user_grants_no_access(alice: User, bob: User) -> None:
    link = alice.get(alice.tasks, params={"limit": 1, "order": "asc"}).headers["Link"]
    newer = bob.add()

    response = bob.get(bob.tasks + link[link.index("?") : link.index(">")])

    assert response.status_code == 200
    assert user_ids_in(response) == {newer["user_id"]}


@naming_a_task
def test_deleted_task_of_another_user_is_indistinguishable_from_a_missing_one(
    operation: Operation, alice: User, bob: User
) -> None:
    gone = alice.add()["id"]
    alice.delete(alice.one(gone))
    before = alice.get(f"{alice.tasks}/trash").json()

    foreign = operation.send(bob, bob.user_id, gone)
    missing = operation.send(bob, bob.user_id, MISSING)

    assert is_problem(foreign, 404, "task_not_found")
    assert without_request_id(foreign) == without_request_id(missing)
    assert alice.get(f"{alice.tasks}/trash").json() == before
    assert gone not in [task["id"] for task in bob.get(f"{bob.tasks}/trash").json()]


def test_tags_of_another_user_show_nothing(alice: User, bob: User, secret: int) -> None:
    hers = alice.get(alice.one(secret)).headers["ETag"]
    listed = alice.get(alice.tasks).headers["ETag"]
    own = bob.add()

    assert bob.get(bob.tasks, headers={"If-None-Match": listed}).status_code == 200
    matched = bob.put(bob.one(secret), json={"title": "a"}, headers={"If-Match": hers})
    assert is_problem(matched, 404, "task_not_found")
    refused = bob.put(bob.one(own["id"]), json={"title": "a"}, headers={"If-Match": hers})
    assert is_problem(refused, 412, "version_mismatch")
    assert refused.headers["ETag"] == f'"{own["updated_at"]}"'
