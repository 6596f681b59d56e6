"""Entity tags and conditional requests: 304, 412, and who wins a race."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.support.database.row_level_security import administer
from tests.support.http.client import User
from tests.support.http.server import make_settings, serve

LONG_LIMITS = {
    "pool_wait_seconds": 10,
    "statement_timeout_seconds": 10,
    "database_deadline_seconds": 20,
    "request_deadline_seconds": 30,
}
WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "put": ("PUT", "", {"json": {"title": "new"}}),
    "patch": ("PATCH", "", {"json": {"priority": "high"}}),
    "toggle": ("PATCH", "/complete", {}),
    "set": ("PATCH", "/complete", {"json": {"completed": True}}),
    "delete": ("DELETE", "", {}),
    "restore": ("POST", "/restore", {}),
    "erase": ("DELETE", "", {}),
}
OLD = '"2026-01-01T00:00:00+00:00"'
each_write = pytest.mark.parametrize("write", WRITES)


@pytest.fixture
def alice(base_url: str) -> Iterator[User]:
    """A user without tasks."""
    with User(base_url, f"user-{uuid4().hex}") as user:
        yield user


def prepared(user: User, write: str) -> tuple[str, str]:
    """The path of a new task, in the trash if the write needs it there, and its tag."""
    task = user.add()
    path = user.one(task["id"])
    if write not in {"restore", "erase"}:
        return path, f'"{task["updated_at"]}"'
    user.delete(path)
    [gone, *_] = user.get(f"{user.tasks}/trash").json()
    own = f"{user.tasks}/trash/{task['id']}" if write == "erase" else path
    return own, f'"{gone["updated_at"]}"'


def send(user: User, write: str, path: str, if_match: str | None) -> httpx.Response:
    """Send the write, with a condition or without."""
    method, more, options = WRITES[write]
    headers = {} if if_match is None else {"If-Match": if_match}
    return user.request(method, path + more, headers=headers, **options)


def state(user: User) -> tuple[Any, ...]:
    """Everything that the user can see, with its tags."""
    pages = [user.get(user.tasks), user.get(f"{user.tasks}/trash")]
    return tuple((page.json(), page.headers["ETag"]) for page in pages)


def test_a_text_that_looks_like_a_version_is_none(alice: User) -> None:
    name = '"updated_at":"2026-01-01T00:00:00+00:00"'
    answer = alice.post(alice.tasks, json={"title": name, "description": name, "tags": [name]})

    assert answer.headers["etag"] == f'"{answer.json()["updated_at"]}"'


def test_each_answer_with_one_task_has_its_version_as_tag(alice: User) -> None:
    key = {"Idempotency-Key": "k"}
    created = alice.post(alice.tasks, json={"title": "a"}, headers=key)
    path = alice.one(created.json()["id"])
    answers = [
        created,
        alice.post(alice.tasks, json={"title": "a"}, headers=key),
        alice.get(path),
        alice.put(path, json={"title": "b"}),
        alice.patch(path, json={"title": "c"}),
        alice.patch(f"{path}/complete"),
        alice.delete(path),
        alice.post(f"{path}/restore"),
        alice.delete(path),
        alice.delete(f"{alice.tasks}/trash/{created.json()['id']}"),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, *[200] * 8]
    for answer in answers:
        assert answer.headers["ETag"] == f'"{answer.json()["updated_at"]}"'


@each_write
@pytest.mark.parametrize(
    "form", ["{}", "*", '{} ,\t"other"', 'W/"other", ,{}', '"other",{},"b"', ",{},"]
)
def test_a_write_applies_if_a_tag_matches(alice: User, write: str, form: str) -> None:
    path, tag = prepared(alice, write)

    assert send(alice, write, path, form.format(tag)).status_code == 200


@each_write
@pytest.mark.parametrize("form", [OLD, "W/{}", '""', f"{OLD}, W/{{}}", '"*"'])
def test_a_write_without_a_matching_tag_changes_nothing(alice: User, write: str, form: str) -> None:
    path, tag = prepared(alice, write)
    before = state(alice)

    refused = send(alice, write, path, form.format(tag))

    assert (refused.status_code, refused.json()["code"]) == (412, "version_mismatch")
    assert refused.headers["ETag"] == tag
    assert state(alice) == before
    assert send(alice, write, path, refused.headers["ETag"]).status_code == 200


@each_write
@pytest.mark.parametrize("if_match", [OLD, "*"])
def test_a_write_to_a_missing_task_is_404_whatever_its_condition(
    alice: User, write: str, if_match: str
) -> None:
    path, _ = prepared(alice, write)
    gone = path.rpartition("/")[0] + f"/{2**63 - 1}"

    assert send(alice, write, gone, if_match).status_code == 404


def test_a_tag_may_hold_any_byte_but_controls(alice: User) -> None:
    path, tag = prepared(alice, "put")
    given = f'"\xe9!#~", {tag}'.encode("latin-1")

    assert alice.put(path, json={"title": "b"}, headers={b"If-Match": given}).status_code == 200


def test_several_lines_of_if_match_are_one_list(alice: User) -> None:
    path, tag = prepared(alice, "put")
    lines = [("If-Match", OLD), ("If-Match", tag)]

    assert alice.put(path, json={"title": "b"}, headers=lines).status_code == 200


def test_a_tag_of_before_no_longer_matches(alice: User) -> None:
    path, tag = prepared(alice, "put")
    changed = alice.put(path, json={"title": "b"}, headers={"If-Match": tag})

    again = alice.put(path, json={"title": "c"}, headers={"If-Match": tag})

    assert again.status_code == 412
    assert again.headers["ETag"] == changed.headers["ETag"]


@pytest.mark.parametrize("write", ["put", "toggle", "delete", "restore", "erase"])
def test_of_fifty_writes_with_one_tag_exactly_one_applies(write: str, database_url: str) -> None:
    with (
        serve(make_settings(database_url=database_url, **LONG_LIMITS)) as base,
        User(base, f"user-{uuid4().hex}") as user,
    ):
        path, tag = prepared(user, write)
        with ThreadPoolExecutor(50) as threads:
            answers = [*threads.map(lambda _: send(user, write, path, tag), range(50))]

    gone = {"delete": 404, "restore": 404, "erase": 404}.get(write, 412)
    assert Counter(answer.status_code for answer in answers) == {200: 1, gone: 49}
    [applied] = [answer for answer in answers if answer.status_code == 200]
    refused = {answer.headers.get("ETag") for answer in answers if answer.status_code == 412}
    assert refused <= {applied.headers["ETag"]}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ["{}", "W/{}", "*", '"x", "y", {}', '"y" ,W/{}'])
@pytest.mark.parametrize("what", ["task", "list", "trash", "empty trash"])
def test_a_known_tag_is_answered_with_304(alice: User, method: str, form: str, what: str) -> None:
    task = alice.add()
    if what == "trash":
        alice.delete(alice.one(alice.add()["id"]))
    path = {"task": alice.one(task["id"]), "list": alice.tasks}.get(what, f"{alice.tasks}/trash")
    first = alice.get(path)

    known = alice.request(
        method, path, headers={"If-None-Match": form.format(first.headers["ETag"])}
    )

    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["ETag"] == first.headers["ETag"]
    assert "content-type" not in known.headers
    assert "content-length" not in known.headers


@pytest.mark.parametrize("junk", ["", "junk", '"', "W/", '"other"', "* junk", '"a" {}', "{} ;"])
def test_other_tags_and_junk_are_ignored(alice: User, junk: str) -> None:
    task = alice.add()
    for path in (alice.one(task["id"]), alice.tasks, f"{alice.tasks}/trash"):
        tag = alice.get(path).headers["ETag"]
        answer = alice.get(path, headers={"If-None-Match": junk.format(tag)})

        assert (answer.status_code, answer.headers["ETag"]) == (200, tag)
        assert isinstance(answer.json(), list | dict)


def test_a_missing_task_is_404_whatever_is_known(alice: User) -> None:
    assert alice.get(alice.one(1), headers={"If-None-Match": "*"}).status_code == 404


def test_the_tag_of_a_list_changes_with_each_write_and_only_then(alice: User) -> None:
    tags = [alice.get(alice.tasks).headers["ETag"]]
    path = alice.one(alice.add()["id"])
    for write in ("", "put", "patch", "toggle", "set", "delete", "restore", "delete"):
        if write:
            assert send(alice, write, path, None).status_code == 200
        tags.append(alice.get(alice.tasks).headers["ETag"])
        assert alice.get(alice.tasks, params={"limit": 1}).headers["ETag"] == tags[-1]

    assert len(set(tags)) == len(tags)


def test_users_who_never_wrote_have_tags_too(alice: User) -> None:
    for path in (alice.tasks, f"{alice.tasks}/trash"):
        tag = alice.get(path).headers["ETag"]

        assert alice.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_an_account_that_was_made_again_does_not_look_unchanged(
    alice: User, database_url: str
) -> None:
    alice.add()
    tag = alice.get(alice.tasks).headers["ETag"]
    administer(database_url, 'DELETE FROM "user" WHERE id = %(user)s', user=alice.user_id)
    assert alice.get(alice.tasks, headers={"If-None-Match": tag}).json() == []
    alice.add("another")

    assert len(alice.get(alice.tasks, headers={"If-None-Match": tag}).json()) == 1
