"""Key sets: unusable entries, withdrawn keys and the size limit."""

from collections.abc import Iterator

import pytest

from tests.api.auth.key_sets import UNUSABLE, WITHOUT_KID, with_kid
from tests.support.auth.issuer import Issuer, send, serving
from tests.support.auth.token_client import TokenClient, api_trusting

LIMIT = 256 * 1024


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Issuer]:
    """An issuer whose key set is replaced by each test."""
    with serving(Issuer()) as made:
        yield made


@pytest.fixture(scope="module")
def client(shared: Issuer, database_url: str) -> Iterator[TokenClient]:
    """A client of an API that trusts the issuer."""
    with api_trusting(shared, database_url) as made:
        yield made


@pytest.mark.parametrize("entry", UNUSABLE)
def test_an_unusable_entry_is_skipped(entry: str, shared: Issuer, client: TokenClient) -> None:
    kid, fetches = f"of {entry}", shared.fetches
    shared.rotate()
    shared.keys[kid] = shared.keys[shared.kid]
    shared.entries = [with_kid(UNUSABLE[entry], kid), shared.entries[-1]]

    assert client.outcome(shared.token(client.user_id, {"kid": kid})) == "token_invalid"
    assert client.outcome(shared.token(client.user_id)) == "ok"
    assert shared.fetches == fetches + 1


@pytest.mark.parametrize("entry", WITHOUT_KID)
def test_an_entry_without_a_kid_is_skipped(entry: str, shared: Issuer, client: TokenClient) -> None:
    shared.rotate()
    shared.entries = [WITHOUT_KID[entry], shared.entries[-1], WITHOUT_KID[entry]]

    assert client.outcome(shared.token(client.user_id)) == "ok"


@pytest.mark.parametrize("first", [True, False])
def test_unusable_entries_with_the_same_kid_are_skipped(
    *, first: bool, issuer: Issuer, database_url: str
) -> None:
    same_kid = [with_kid(entry, issuer.kid) for entry in UNUSABLE.values()]
    issuer.entries = same_kid + issuer.entries if first else issuer.entries + same_kid

    with api_trusting(issuer, database_url) as client:
        assert client.outcome(issuer.token(client.user_id)) == "ok"


def test_a_signature_by_another_published_key_is_refused(issuer: Issuer, database_url: str) -> None:
    kids = [issuer.rotate(name) for name in ("EdDSA", "EdDSA")]
    issuer.keys[kids[0]], issuer.keys[kids[1]] = issuer.keys[kids[1]], issuer.keys[kids[0]]

    with api_trusting(issuer, database_url) as client:
        codes = [client.outcome(issuer.token(client.user_id, {"kid": kid})) for kid in kids]
        assert codes == ["token_invalid"] * 2


@pytest.mark.parametrize(("size", "code"), [(LIMIT, "ok"), (LIMIT + 1, "keys_unavailable")])
def test_a_key_set_is_limited_to_256_kib(
    size: int, code: str, issuer: Issuer, database_url: str
) -> None:
    issuer.answer = lambda handler: send(handler, issuer.document.ljust(size))

    with api_trusting(issuer, database_url) as client:
        assert client.outcome(issuer.token(client.user_id)) == code


def test_a_withdrawn_key_is_refused_after_the_next_fetch(issuer: Issuer, database_url: str) -> None:
    withdrawn = issuer.kid
    with api_trusting(issuer, database_url) as client:
        assert client.outcome(issuer.token(client.user_id)) == "ok"
        issuer.rotate()
        issuer.entries.pop(0)
        assert client.outcome(issuer.token(client.user_id)) == "ok"

        assert client.outcome(issuer.token(client.user_id, {"kid": withdrawn})) == "token_invalid"


@pytest.mark.parametrize("published", [[], [UNUSABLE["Ed448"]]], ids=["empty", "unusable"])
def test_an_emptied_key_set_withdraws_all_keys(
    published: list[object], issuer: Issuer, database_url: str
) -> None:
    withdrawn = issuer.token("alice")
    with api_trusting(issuer, database_url, "alice") as client:
        assert client.outcome(withdrawn) == "ok"
        issuer.entries = published
        unknown = issuer.token("alice", issuer.unpublished_kid("unknown"))

        assert client.outcome(unknown) == "token_invalid"
        assert client.outcome(withdrawn) == "token_invalid"


@pytest.mark.parametrize("published", [[], [UNUSABLE["Ed448"]]], ids=["empty", "unusable"])
def test_a_cold_cache_and_an_empty_key_set_refuse_every_token(
    published: list[object], issuer: Issuer, database_url: str
) -> None:
    issuer.entries = published

    with api_trusting(issuer, database_url) as client:
        assert client.outcome(issuer.token(client.user_id)) == "token_invalid"
