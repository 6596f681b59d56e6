"""Remembered signatures: what is remembered, for how long, and in how much memory."""

import asyncio
import time
import tracemalloc
from collections.abc import Iterator
from itertools import product
from string import ascii_letters, digits
from typing import Any

import pytest

from api.auth import signature
from api.auth.jwks import KeySet, parse
from api.auth.jwks_cache import JwksCache
from api.problems.problem import Problem
from tests.api.auth.verifier import verifier
from tests.support.auth.issuer import Issuer
from tests.support.http.client import token as hs256_token

ALPHABET = f"{ascii_letters}{digits}-_"
ALGORITHMS = ("EdDSA", "ES256", "ES512", "RS256", "PS256")
MEBIBYTE = 2**20


class Api:
    """A verifier that trusts an issuer, without a server or a network.

    ``key_set``, when given, is served in place of a new set of key objects for each fetch.
    """

    def __init__(self, issuer: Issuer, key_set: KeySet | None = None, **settings: Any) -> None:
        async def fetch() -> KeySet:
            return key_set or parse(issuer.document)

        self._keys = JwksCache(fetch)
        self._verifier = verifier(self._keys, better_auth_url=issuer.url, **settings)

    def outcome(self, token: str) -> str:
        """The user id, or the reason of the refusal."""
        header = (b"authorization", f"Bearer {token}".encode())
        try:
            return asyncio.run(self._verifier.user_id([header]))
        except Problem as problem:
            return str(problem.reason)

    def fetch_keys(self) -> None:
        """Replace the key set by the one that the issuer publishes now."""

        async def refresh() -> None:
            self._keys.refresh()
            await asyncio.sleep(0)

        asyncio.run(refresh())


@pytest.fixture
def issuer() -> Issuer:
    """An issuer with one key."""
    return Issuer()


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The algorithms of the signatures that were computed, in order."""
    computed: list[str] = []

    class Counted:
        def __init__(self, name: str) -> None:
            self.name, self.algorithm = name, signature.ALGORITHMS[name]

        def verify(self, *arguments: Any) -> bool:
            computed.append(self.name)
            return bool(self.algorithm.verify(*arguments))

    counted = {name: Counted(name) for name in signature.ALGORITHMS}
    monkeypatch.setattr(signature, "ALGORITHMS", counted)
    yield computed
    signature._verify_once.cache_clear()  # noqa: SLF001


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_signature_by_a_public_key_is_computed_once(
    algorithm: str, verified: list[str]
) -> None:
    issuer = Issuer(algorithm)
    api, token = Api(issuer), issuer.token("alice")

    assert [api.outcome(token) for _ in range(3)] == ["alice"] * 3
    assert verified == [algorithm]


def test_hs256_is_computed_every_time(issuer: Issuer, verified: list[str]) -> None:
    api, token = Api(issuer), hs256_token("alice")

    assert [api.outcome(token) for _ in range(3)] == ["alice"] * 3
    assert verified == ["HS256"] * 3


@pytest.mark.parametrize(("excess", "times"), [(0, 1), (1, 3)])
def test_only_tokens_of_up_to_2048_characters_are_remembered(
    excess: int, times: int, issuer: Issuer, verified: list[str]
) -> None:
    made = padding(issuer, "alice", signature.MAX_REMEMBERED_LENGTH + excess)
    api, token = Api(issuer), issuer.token("alice", **made)

    assert [api.outcome(token) for _ in range(3)] == ["alice"] * 3
    assert verified == ["EdDSA"] * times


def test_a_withdrawn_key_ends_its_remembered_tokens(issuer: Issuer) -> None:
    api, token = Api(issuer), issuer.token("alice")
    assert api.outcome(token) == "alice"
    issuer.rotate()
    issuer.entries.pop(0)
    api.fetch_keys()

    assert api.outcome(token) == "unknown_key"


def test_a_new_key_under_the_same_kid_ends_remembered_tokens(issuer: Issuer) -> None:
    api, token = Api(issuer), issuer.token("alice")
    assert api.outcome(token) == "alice"
    other = Issuer()
    issuer.entries = [{**other.entries[0], "kid": issuer.kid}]
    api.fetch_keys()

    assert api.outcome(token) == "bad_signature"


def test_the_same_key_without_its_algorithm_ends_remembered_tokens(issuer: Issuer) -> None:
    api = Api(issuer)
    kid = issuer.rotate("RS256", alg=None)
    token = issuer.token("alice", {"kid": kid})
    assert api.outcome(token) == "alice"
    issuer.entries[-1]["alg"] = "PS256"
    api.fetch_keys()

    assert api.outcome(token) == "algorithm_of_another_key"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"auth_algorithms": "ES256"}, "algorithm_not_accepted"),
        ({"auth_issuer": "https://other.example"}, "wrong_issuer"),
        ({"auth_audience": "other"}, "wrong_audience"),
        ({"auth_user_id_claim": "id"}, "bad_subject"),
    ],
    ids=str,
)
def test_another_policy_refuses_a_remembered_token(
    settings: dict[str, str], reason: str, issuer: Issuer
) -> None:
    key_set, token = parse(issuer.document), issuer.token("alice")

    assert Api(issuer, key_set).outcome(token) == "alice"
    assert Api(issuer, key_set, **settings).outcome(token) == reason


def test_one_changed_bit_anywhere_is_refused(issuer: Issuer) -> None:
    api, token = Api(issuer), issuer.token("alice")
    assert api.outcome(token) == "alice"

    changed = [
        f"{token[:at]}{ALPHABET[ALPHABET.index(character) ^ 1 << bit]}{token[at + 1 :]}"
        for at, character in enumerate(token)
        if character != "."
        for bit in range(6)
    ]

    assert not [each for each in changed if api.outcome(each) == "alice"]
    assert api.outcome(token) == "alice"


def test_a_remembered_token_expires(issuer: Issuer) -> None:
    api = Api(issuer, auth_leeway_seconds=0)
    token = issuer.token("alice", exp=time.time() + 0.5)
    assert api.outcome(token) == "alice"
    time.sleep(0.6)

    assert api.outcome(token) == "expired"


def test_a_refused_signature_is_not_remembered(issuer: Issuer, verified: list[str]) -> None:
    api, other = Api(issuer), Issuer()
    forged = other.token("alice", other.unpublished_kid(issuer.kid))

    assert [api.outcome(forged) for _ in range(2)] == ["bad_signature"] * 2
    assert verified == ["EdDSA"] * 2
    issuer.entries = [{**other.entries[0], "kid": issuer.kid}]
    api.fetch_keys()
    assert api.outcome(forged) == "alice"


def test_4096_remembered_tokens_of_2048_characters_take_at_most_12_mebibytes(
    issuer: Issuer,
) -> None:
    api, remembered = Api(issuer), signature._verify_once  # noqa: SLF001
    made = padding(issuer, "10000", signature.MAX_REMEMBERED_LENGTH)
    assert api.outcome(issuer.token("10000")) == "10000"
    remembered.cache_clear()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(10_000, 10_000 + signature.MAX_REMEMBERED + 500):
            assert api.outcome(issuer.token(str(number), **made)) == str(number)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        entries = remembered.cache_info().currsize
        remembered.cache_clear()

    print(f"{used / MEBIBYTE:.1f} MiB for {entries:,} tokens")
    assert entries == signature.MAX_REMEMBERED
    assert used <= 12 * MEBIBYTE


def padding(issuer: Issuer, user_id: str, length: int) -> dict[str, Any]:
    """Header and claims for ``Issuer.token`` that make the user's token exactly this long."""
    missing = (length - len(issuer.token(user_id, image=""))) * 3 // 4
    # Base64 has no text of 4n + 1 characters: a longer header moves that gap.
    for header, size in product(("", "x", "xx"), range(missing - 30, missing + 2)):
        made: dict[str, Any] = {"header": {"cty": header}, "image": "x" * size}
        if len(issuer.token(user_id, **made)) == length:
            return made
    raise AssertionError(length)
