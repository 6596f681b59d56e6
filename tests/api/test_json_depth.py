"""JSON from outside is nested 32 levels deep at most, on every Python and at every entrance."""

import json
from collections.abc import Callable, Mapping

import httpx2 as httpx
import pytest

from api.auth.jwks import JwksUnavailable, parse
from api.config import strict_json
from tests.api.bad_inputs.minting import CLAIMS, HEADER, encode, sign
from tests.support.auth.issuer import Issuer
from tests.support.http.client import User

LEVELS = 32
SHAPES: dict[str, Callable[[int], str]] = {
    "arrays": lambda levels: "[" * levels + "]" * levels,
    "objects": lambda levels: '{"a":' * levels + "1" + "}" * levels,
    "objects in arrays": lambda levels: (
        "[" + '{"a":' * (levels - 1) + "1" + "}" * (levels - 1) + "]"
    ),
    "the last of many": lambda levels: "[" + "[]," * 99 + "[" * (levels - 1) + "]" * levels,
    "the first of many": lambda levels: "[" * levels + "]" * (levels - 1) + ",[]" * 99 + "]",
    "beside strings": lambda levels: r'["]\"]\\",' * levels + "1" + "]" * levels,
    "under a repeated name": lambda levels: (
        '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + ',"a":1}'
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_one_level_more_is_refused(shape: str) -> None:
    nested = SHAPES[shape]

    strict_json.parse(nested(LEVELS).encode())
    with pytest.raises(ValueError, match="levels"):
        strict_json.parse(nested(LEVELS + 1).encode())


def test_brackets_in_strings_and_side_by_side_are_no_levels() -> None:
    text = json.dumps(["[" * 100, '"' + "{" * 100, "\\", '\\"', [[]] * 100]).encode()

    assert strict_json.parse(text) == json.loads(text)


def with_a_member(members: Mapping[str, object], levels: int) -> bytes:
    """The object, ``levels`` deep with a member that means nothing."""
    return (
        json.dumps(members)[:-1].encode() + b',"a":' + SHAPES["arrays"](levels - 1).encode() + b"}"
    )


def tokens(levels: int) -> list[str]:
    """A good token whose header is that deep, and one whose claims are."""
    return [
        sign(with_a_member(HEADER, levels), CLAIMS),
        sign(HEADER, with_a_member(CLAIMS, levels)),
    ]


def test_header_and_claims_of_a_token(base_url: str) -> None:
    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{base_url}/api/{CLAIMS['sub']}/tasks", headers=headers).status_code

    assert [status(token) for token in tokens(LEVELS)] == [200, 200]
    assert [status(token) for token in tokens(LEVELS + 1)] == [401, 401]


def test_a_body(alice: User) -> None:
    def code(levels: int) -> str:
        sent = with_a_member({"title": "a"}, levels)
        headers = {"Content-Type": "application/json"}
        [error] = alice.post(alice.tasks, content=sent, headers=headers).json()["errors"]
        return str(error["code"])

    assert (code(LEVELS), code(LEVELS + 1)) == ("extra_forbidden", "json_invalid")


def test_a_key_set() -> None:
    entries = {"keys": Issuer().entries}

    assert parse(with_a_member(entries, LEVELS))
    with pytest.raises(JwksUnavailable):
        parse(with_a_member(entries, LEVELS + 1))


@pytest.mark.parametrize("levels", [LEVELS, 900, 2_000])
def test_a_cursor(levels: int, alice: User) -> None:
    cursor = encode(b'["created_at","desc",' + SHAPES["arrays"](levels).encode() + b",1]")

    assert alice.get(alice.tasks, params={"cursor": cursor}).status_code == 422
